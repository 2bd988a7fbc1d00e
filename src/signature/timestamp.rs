//! The timestamp of a delivery: its form, and how far it may be from now.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::VerifyError;

/// The timestamp of a delivery, as its header reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timestamp {
    /// A copy, which costs less than a shared handle to so short a text.
    text: [u8; MAX_DIGITS],
    len: usize,
    unix_seconds: u64,
}

/// As many digits as a `u64` holds whatever they are. No delivery is so far in the future that it takes more.
const MAX_DIGITS: usize = 19;

impl Timestamp {
    /// Parses ASCII digits without leading zeros, as a sender prints an integer.
    ///
    /// Anything else (`+1`, `01`, `1.5`, `1e9`) is rejected although it could be read as a number: the text itself is
    /// what is signed, and each instant has one text only.
    pub(super) fn parse(text: &[u8]) -> Result<Self, VerifyError> {
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
        let mut copy = [0; MAX_DIGITS];
        copy[..text.len()].copy_from_slice(text);
        Ok(Self {
            text: copy,
            len: text.len(),
            unix_seconds,
        })
    }

    /// The text, which is what the sender signed.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.text[..self.len]
    }

    pub(super) fn unix_seconds(&self) -> u64 {
        self.unix_seconds
    }
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
