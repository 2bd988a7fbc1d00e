//! Conversion of the numbers in the table.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Converts a time in milliseconds since 1970.
pub(super) fn time(milliseconds_since_1970: i64) -> SystemTime {
    UNIX_EPOCH + milliseconds(Some(milliseconds_since_1970))
}

/// Converts a duration. A negative one becomes zero: an age is negative if the database's clock was set back.
pub(super) fn milliseconds(number: Option<i64>) -> Duration {
    Duration::from_millis(number.unwrap_or(0).try_into().unwrap_or(0))
}

pub(super) fn count(number: Option<i64>) -> u32 {
    number.unwrap_or(0).try_into().unwrap_or(u32::MAX)
}
