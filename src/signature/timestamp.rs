//! The timestamp of a delivery: its form, and its distance from the current time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::VerifyError;

/// The largest number of digits that always fits into a `u64`. A timestamp with more is too far in the future for any
/// delivery.
const MAX_DIGITS: usize = 19;

/// Parses ASCII digits without leading zeros, as a sender prints an integer.
///
/// Other forms (`+1`, `01`, `1.5`, `1e9`) are rejected even though they could be read as numbers: the text itself is
/// signed, and each instant has only one text.
#[inline]
pub(super) fn parse(text: &[u8]) -> Result<u64, VerifyError> {
    match text {
        [b'0'] => {}
        [b'1'..=b'9', ..] if text.len() <= MAX_DIGITS => {}
        _ => return Err(VerifyError::MalformedTimestamp),
    }
    let mut unix_seconds = 0;
    for byte in text {
        if !byte.is_ascii_digit() {
            return Err(VerifyError::MalformedTimestamp);
        }
        unix_seconds = 10 * unix_seconds + u64::from(byte - b'0');
    }
    if system_time(unix_seconds).is_none() {
        return Err(VerifyError::MalformedTimestamp);
    }
    Ok(unix_seconds)
}

/// Checks that `seconds` is at most `tolerance` away from `now`, both in seconds since 1970.
#[inline]
pub(super) fn check(seconds: u64, now: u64, tolerance: Duration) -> Result<(), VerifyError> {
    let distance = seconds.abs_diff(now);
    if Duration::from_secs(distance) <= tolerance {
        Ok(())
    } else if seconds < now {
        Err(VerifyError::TimestampTooOld { seconds: distance })
    } else {
        Err(VerifyError::TimestampTooNew { seconds: distance })
    }
}

/// Returns the instant `seconds` after 1970, or `None` if the platform cannot represent it.
pub(super) fn system_time(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
