//! The timestamp of a delivery: its form, and how far it may be from now.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::VerifyError;

/// Parses the text of a timestamp header: ASCII digits without leading zeros, as a sender prints an integer.
///
/// Anything else (`+1`, `01`, `1.5`, `1e9`) is refused although it could be read as a number: the text itself is what is
/// signed, and each instant has one text only.
pub(super) fn parse(text: &[u8]) -> Result<u64, VerifyError> {
    let seconds = match text {
        [b'0'] => Some(0),
        [b'1'..=b'9', ..] => text.iter().try_fold(0_u64, |seconds, byte| {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
            seconds.checked_mul(10)?.checked_add(digit)
        }),
        _ => None,
    };
    seconds
        .filter(|seconds| system_time(*seconds).is_some())
        .ok_or(VerifyError::MalformedTimestamp)
}

/// Checks that `seconds` is at most `tolerance` away from `now`, both in seconds since 1970.
pub(super) fn check(seconds: u64, now: u64, tolerance: Duration) -> Result<(), VerifyError> {
    if Duration::from_secs(seconds.abs_diff(now)) <= tolerance {
        Ok(())
    } else if seconds < now {
        Err(VerifyError::TimestampTooOld)
    } else {
        Err(VerifyError::TimestampTooNew)
    }
}

/// The instant `seconds` after 1970, unless it is beyond what the platform can represent.
pub(super) fn system_time(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
