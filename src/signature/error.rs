//! The reasons why a delivery is rejected, or cannot be signed.

use std::error::Error;
use std::fmt;

use super::distance::{Distance, smaller_unit};
use super::header_family::NO_HEADERS;
use crate::random::RandomnessUnavailable;

/// The reason why a delivery is not valid.
///
/// [`SvixVerifyLayer`](crate::SvixVerifyLayer) answers the sender for you. Without the layer, answer with the status
/// that [`Rejection::status`](crate::Rejection::status) returns: 401, or 503 if the sender should try again because the
/// receiver is at fault.
///
/// Each variant says what to check when a genuine delivery is rejected. To find the cause of one delivery, use
/// [`diagnose`] while you develop.
///
/// The error contains no header value, no signature and no part of the body, so it can be logged and shown to the
/// sender. The distance of a timestamp from the current time tells the sender nothing new: the sender knows the
/// timestamp, and a server sends its own time in the `date` header.
///
/// # Example
///
/// ```
/// use tower_svix::{Rejection, VerifyError};
///
/// let error = VerifyError::TimestampTooOld { seconds: 600 };
/// assert_eq!(error.code(), "timestamp-too-old");
/// assert_eq!(error.to_string(), "the timestamp is 600 seconds in the past, beyond the tolerance");
/// assert_eq!(Rejection::from(error).status(), 401);
/// ```
///
#[cfg_attr(feature = "diagnose", doc = "[`diagnose`]: crate::diagnose")]
#[cfg_attr(
    not(feature = "diagnose"),
    doc = "[`diagnose`]: https://docs.rs/tower-svix/latest/tower_svix/diagnose/index.html"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// None of the headers of a delivery is present, neither `svix-*` nor `webhook-*`.
    ///
    /// The request is not a delivery, a proxy drops the headers, or the sender uses
    /// [other names](crate::HeaderFamily). A receiver that reads only one family reports
    /// [`MissingHeader`](Self::MissingHeader) instead.
    #[doc(alias = "header-missing")]
    NoHeaders,
    /// This header is missing, and no family of headers that the receiver reads is complete.
    ///
    /// Check which headers arrive. If the sender uses other names, set a [`HeaderFamily`](crate::HeaderFamily).
    #[doc(alias = "header-missing")]
    MissingHeader(&'static str),
    /// This header is present more than once.
    ///
    /// Usually, a proxy adds it again. Configure the proxy to pass it on only.
    #[doc(alias = "header-duplicate")]
    DuplicateHeader(&'static str),
    /// This header is empty or contains bytes outside visible ASCII, or the id contains a full stop.
    ///
    /// The signature covers `id.timestamp.body`. A full stop in the id would make that text ambiguous: an attacker
    /// could split a captured delivery at another place, into another id, timestamp and body, under the same signature.
    /// For a sender whose ids have always contained a full stop, there is
    /// [`insecure_allow_dotted_ids`](crate::SvixVerifyLayer::insecure_allow_dotted_ids).
    #[doc(alias = "header-malformed")]
    MalformedHeader(&'static str),
    /// The timestamp is not a number of seconds since 1970 in ASCII digits without leading zeros.
    ///
    /// The sender must send seconds, not a date and not a fraction.
    #[doc(alias = "timestamp-malformed")]
    MalformedTimestamp,
    /// The timestamp is further in the past than the tolerance.
    ///
    /// A clock is wrong, or a stored request was sent again. Set the clocks of both sides; resend the event from the
    /// sender's portal, which signs it anew.
    #[doc(alias = "timestamp-too-old")]
    TimestampTooOld {
        /// The distance from the current time, in seconds.
        seconds: u64,
    },
    /// The timestamp is further in the future than the tolerance.
    ///
    /// A clock is wrong, or the timestamp is in milliseconds. Set the clocks of both sides. The sender must send
    /// seconds.
    #[doc(alias = "timestamp-too-new")]
    TimestampTooNew {
        /// The distance from the current time, in seconds.
        seconds: u64,
    },
    /// No listed signature has a version and form that one of the receiver's keys makes. Among several tenants: that
    /// any kind of key makes.
    ///
    /// Usually, the sender signs with ed25519 (`v1a`) and the receiver has a [`Secret`](crate::Secret), or the other
    /// way round. Use the key of the same kind, from the portal of the sender.
    #[doc(alias = "signature-unsupported")]
    NoSupportedSignature,
    /// None of the listed signatures was made with one of the keys over this id, timestamp and body.
    ///
    /// Usually, the body was changed on the way, such as by a layer or proxy that parses, decompresses or re-encodes
    /// it, or the secret is that of another endpoint. Some senders use the text of the secret as the key: see
    /// [`Secret::from_text`](crate::Secret::from_text).
    #[doc(alias = "signature-mismatch")]
    SignatureMismatch,
    /// The receiver's [`Clock`](crate::Clock) did not tell the time, so the delivery could not be judged.
    ///
    /// The delivery may be genuine: ask the sender to try again.
    #[doc(alias = "clock-unavailable")]
    ClockUnavailable,
}

impl VerifyError {
    /// Returns the stable, machine-readable name of this error, such as `signature-mismatch`.
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

/// The reason why a delivery could not be signed.
///
/// # Example
///
/// ```
/// use tower_svix::{Secret, SignError};
///
/// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// assert_eq!(secret.sign("an.id", 1_704_067_200, b"{}"), Err(SignError::InvalidId));
/// # Ok::<(), tower_svix::KeyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// Receivers would reject the id: it is empty, contains bytes outside visible ASCII or a full stop, or has a space
    /// at either end, which HTTP strips.
    InvalidId,
    /// There is no key to sign with: `SvixSignLayer::new` was given none.
    NoKey,
    /// The sender's [`Clock`](crate::Clock) did not tell the time.
    ClockUnavailable,
    /// The operating system returned no random bytes for an id.
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
