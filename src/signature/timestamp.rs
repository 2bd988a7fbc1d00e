//! The timestamp of a delivery: its form, and how far it may be from now.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::VerifyError;

/// As many digits as a `u64` holds whatever they are. No delivery is so far in the future that it takes more.
const MAX_DIGITS: usize = 19;

/// Parses ASCII digits without leading zeros, as a sender prints an integer.
///
/// Anything else (`+1`, `01`, `1.5`, `1e9`) is rejected although it could be read as a number: the text itself is
/// what is signed, and each instant has one text only.
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

/// The instant `seconds` after 1970, unless it is beyond what the platform can represent.
pub(super) fn system_time(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
