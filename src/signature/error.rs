//! Why a key or a delivery is rejected.

use std::error::Error;
use std::fmt;

use crate::random::RandomnessUnavailable;

/// Why a text is not the key that it was parsed as.
///
/// Never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no key: the text is empty, or nothing but a prefix. Everyone could sign with an empty key.
    Empty,
    /// What follows the optional prefix is not base64 in the standard alphabet.
    NotBase64,
    /// The text has no `whsec_` prefix, and is base64 of less than 8 bytes: more likely a word, such as `null` or
    /// `changeme`, than a secret.
    TooShort,
    /// One of several keys has no prefix, `whsec_` or `whpk_`: it may be a word, or half of a secret.
    NoPrefix,
    /// The text is a secret, where an ed25519 key is needed.
    Secret,
    /// The text is a public ed25519 key (`whpk_…`), where a secret one is needed: it cannot sign, and everyone knows it.
    PublicKey,
    /// The text is a private ed25519 key (`whsk_…`), which belongs to the sender alone.
    PrivateKey,
    /// The text is an ed25519 key, and the feature `ed25519` is off.
    Ed25519Unsupported,
    /// The text is a public ed25519 key (`whpk_…`), but not of 32 bytes that encode a point fit for a key.
    InvalidPublicKey,
    /// The text is a private ed25519 key (`whsk_…`), but not of 64 bytes of which the last 32 are the public key.
    InvalidPrivateKey,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the key is empty",
            Self::NotBase64 => {
                "the key is not base64: expected a prefix such as `whsec_` and base64 in the standard alphabet, as the \
                 sender's portal shows it, without quotes"
            }
            Self::TooShort => "the key is too short, and has no `whsec_` prefix: is it a secret at all?",
            Self::NoPrefix => {
                "one of several keys has no prefix (`whsec_` or `whpk_`): is it a key, and is none of them split in two?"
            }
            Self::Secret => "the key is a secret, where an ed25519 key (`whpk_` or `whsk_`) is needed",
            Self::PublicKey => {
                "the key is a public key (`whpk_`), which cannot sign: to verify with it, parse it as a `PublicKey` or \
                 a `Keyring`"
            }
            Self::PrivateKey => {
                "the key is a private key (`whsk_`): a sender parses it as a `SigningKey`, and a receiver needs the \
                 public key (`whpk_`)"
            }
            Self::Ed25519Unsupported => {
                "the key is an ed25519 key (`whpk_` or `whsk_`): to use it, enable the feature `ed25519`"
            }
            Self::InvalidPublicKey => "the key is a public ed25519 key (`whpk_`), but not a valid one",
            Self::InvalidPrivateKey => "the key is a private ed25519 key (`whsk_`), but not a valid one",
        })
    }
}

impl Error for KeyError {}

/// Why a delivery is not verified.
///
/// Carries no header value, no signature and no part of the body, so it can be logged and shown to the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
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
    TimestampTooOld,
    /// The timestamp lies further in the future than the tolerance.
    TimestampTooNew,
    /// The list of signatures holds none of a supported version in its proper form.
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
            Self::MissingHeader(_) => "header-missing",
            Self::DuplicateHeader(_) => "header-duplicate",
            Self::MalformedHeader(_) => "header-malformed",
            Self::MalformedTimestamp => "timestamp-malformed",
            Self::TimestampTooOld => "timestamp-too-old",
            Self::TimestampTooNew => "timestamp-too-new",
            Self::NoSupportedSignature => "signature-unsupported",
            Self::SignatureMismatch => "signature-mismatch",
            Self::ClockUnavailable => "clock-unavailable",
        }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingHeader(name) => write!(f, "the header `{name}` is missing"),
            Self::DuplicateHeader(name) => write!(f, "the header `{name}` is given more than once"),
            Self::MalformedHeader(name) => write!(f, "the header `{name}` is malformed"),
            Self::MalformedTimestamp => {
                f.write_str("the timestamp is not a plain number of seconds since 1970")
            }
            Self::TimestampTooOld => f.write_str("the timestamp is too old"),
            Self::TimestampTooNew => f.write_str("the timestamp is too far in the future"),
            Self::NoSupportedSignature => {
                f.write_str("no listed signature is of a supported version and form")
            }
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
