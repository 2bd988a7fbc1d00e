//! The current time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Failure;

/// Returns the time since 1970.
pub(crate) fn now() -> Result<Duration, Failure> {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|_| "the clock of this machine shows a time before 1970".into())
}

/// Formats the time of day in UTC, such as `14:05:09`.
pub(crate) fn time_of_day(unix_seconds: u64) -> String {
    let seconds = unix_seconds % 86_400;
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}
