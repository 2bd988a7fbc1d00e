//! What the numbers in the table mean.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time in milliseconds since 1970.
pub(super) fn time(milliseconds_since_1970: i64) -> SystemTime {
    UNIX_EPOCH + milliseconds(Some(milliseconds_since_1970))
}

/// A clock of a database that was set back makes an age negative.
pub(super) fn milliseconds(number: Option<i64>) -> Duration {
    Duration::from_millis(number.unwrap_or(0).try_into().unwrap_or(0))
}

pub(super) fn count(number: Option<i64>) -> u32 {
    number.unwrap_or(0).try_into().unwrap_or(u32::MAX)
}
