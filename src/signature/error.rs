//! Why a delivery is rejected, or cannot be signed.

use std::error::Error;
use std::fmt;

use super::distance::{Distance, smaller_unit};
use super::header_family::NO_HEADERS;
use crate::random::RandomnessUnavailable;

/// Why a delivery is not verified.
///
/// Carries no header value, no signature and no part of the body, so it can be logged and shown to the sender. How far a
/// timestamp is from now tells the sender nothing new: it knows the timestamp, and the response of a server has its `date`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// None of the headers of a delivery is there, neither `svix-*` nor `webhook-*`. A receiver that reads the headers of one
    /// family only says [`MissingHeader`](Self::MissingHeader) instead.
    NoHeaders,
    /// This header is missing, and no family of headers that may be used is complete.
    MissingHeader(&'static str),
    /// This header is given more than once.
    DuplicateHeader(&'static str),
    /// This header is empty or holds bytes outside visible ASCII, or the id holds a full stop.
    ///
    /// The signature covers `id.timestamp.body`. A full stop in the id would make that text ambiguous: a captured
    /// delivery could be split again at another place, into another id, timestamp and body, under the same signature.
    MalformedHeader(&'static str),
    /// The timestamp is not a number of seconds since 1970 in ASCII digits without leading zeros.
    MalformedTimestamp,
    /// The timestamp lies further in the past than the tolerance.
    TimestampTooOld {
        /// How far it lies in the past, in seconds.
        seconds: u64,
    },
    /// The timestamp lies further in the future than the tolerance.
    TimestampTooNew {
        /// How far it lies in the future, in seconds.
        seconds: u64,
    },
    /// The list of signatures holds none of a version and form that the receiver's keys make, or, where the keys are those of
    /// a tenant, that keys of any kind make.
    NoSupportedSignature,
    /// None of the listed signatures was made with one of the keys over this id, timestamp and body.
    SignatureMismatch,
    /// The clock did not tell the time, so the delivery could not be judged.
    ClockUnavailable,
}

impl VerifyError {
    /// The stable, machine-readable name of this cause.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoHeaders | Self::MissingHeader(_) => "header-missing",
            Self::DuplicateHeader(_) => "header-duplicate",
            Self::MalformedHeader(_) => "header-malformed",
            Self::MalformedTimestamp => "timestamp-malformed",
            Self::TimestampTooOld { .. } => "timestamp-too-old",
            Self::TimestampTooNew { .. } => "timestamp-too-new",
            Self::NoSupportedSignature => "signature-unsupported",
            Self::SignatureMismatch => "signature-mismatch",
            Self::ClockUnavailable => "clock-unavailable",
        }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeaders => f.write_str(NO_HEADERS),
            Self::MissingHeader(name) => write!(f, "the header `{name}` is missing"),
            Self::DuplicateHeader(name) => write!(f, "the header `{name}` is given more than once"),
            Self::MalformedHeader(name) => write!(f, "the header `{name}` is malformed"),
            Self::MalformedTimestamp => {
                f.write_str("the timestamp is not a plain number of seconds since 1970")
            }
            Self::TimestampTooOld { seconds } => {
                let distance = Distance(*seconds);
                write!(
                    f,
                    "the timestamp is {distance} in the past, beyond the tolerance"
                )
            }
            Self::TimestampTooNew { seconds } => {
                if let Some(unit) = smaller_unit(*seconds) {
                    return write!(
                        f,
                        "the timestamp must be in seconds since 1970, and seems to be in {unit}"
                    );
                }
                let distance = Distance(*seconds);
                write!(
                    f,
                    "the timestamp is {distance} in the future, beyond the tolerance"
                )
            }
            Self::NoSupportedSignature => f.write_str(
                "no listed signature is of a version and form that the receiver's keys make",
            ),
            Self::SignatureMismatch => {
                f.write_str("no listed signature matches the body under one of the keys")
            }
            Self::ClockUnavailable => f.write_str("the receiver's clock is unavailable"),
        }
    }
}

impl Error for VerifyError {}

/// Why a delivery could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// Receivers would reject the id: it is empty, holds bytes outside visible ASCII or a full stop, or has a space at an
    /// end, where HTTP takes it away.
    InvalidId,
    /// There is no key to sign with.
    NoKey,
    /// The clock did not tell the time.
    ClockUnavailable,
    /// The operating system gave no random bytes to make an id of.
    RandomnessUnavailable,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidId => "the id of a delivery must be visible ASCII without a full stop and without spaces around it",
            Self::NoKey => "there is no key to sign with",
            Self::ClockUnavailable => "the sender's clock is unavailable",
            Self::RandomnessUnavailable => return RandomnessUnavailable.fmt(f),
        })
    }
}

impl Error for SignError {}

impl From<RandomnessUnavailable> for SignError {
    fn from(_: RandomnessUnavailable) -> Self {
        Self::RandomnessUnavailable
    }
}
