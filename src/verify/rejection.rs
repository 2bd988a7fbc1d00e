//! Why a request was rejected: the only place that chooses a status.

use std::error::Error;
use std::fmt;

use http::StatusCode;

use crate::grpc;
use crate::signature::VerifyError;

/// Why a request did not reach the inner service.
///
/// [`SvixVerify`](super::SvixVerify) leaves it in the extensions of its response, for an outer layer to log or count.
/// See the [table of rejections](crate::verify#rejections).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The request is not verified.
    Unverified(VerifyError),
    /// The body is longer than the [limit](crate::SvixVerifyLayer::body_limit), or claims to be.
    BodyTooLarge,
    /// The body broke off before its end.
    BodyUnreadable,
    /// The [lookup of the keys](crate::KeySource) failed, so the request could not be judged.
    KeysUnavailable,
    /// The unverified bodies of the layer take all of its [memory](crate::SvixVerifyLayer::memory_limit).
    MemoryExhausted,
}

impl Rejection {
    /// The stable, machine-readable name of the cause, as the response shows it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unverified(error) => error.code(),
            Self::BodyTooLarge => "body-too-large",
            Self::BodyUnreadable => "body-unreadable",
            Self::KeysUnavailable => "keys-unavailable",
            Self::MemoryExhausted => "memory-exhausted",
        }
    }

    /// The status of the response. That to a gRPC call has 200, and says the same in `grpc-status`.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unverified(error) => match error {
                VerifyError::NoHeaders
                | VerifyError::MissingHeader(_)
                | VerifyError::DuplicateHeader(_)
                | VerifyError::MalformedHeader(_)
                | VerifyError::MalformedTimestamp
                | VerifyError::TimestampTooOld { .. }
                | VerifyError::TimestampTooNew { .. }
                | VerifyError::NoSupportedSignature
                | VerifyError::SignatureMismatch => StatusCode::UNAUTHORIZED,
                // Our fault: the delivery may be genuine, and the sender must retry it.
                VerifyError::ClockUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            },
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            // A genuine upload may have stalled until a timeout ended it, and some senders take any 4xx for final.
            Self::BodyUnreadable | Self::KeysUnavailable | Self::MemoryExhausted => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// Whether operators have something to mend. The sender is why a body breaks off, and anyone may be why all memory is
    /// taken: the status only asks the sender to try again.
    pub(super) fn is_ours(self) -> bool {
        !matches!(self, Self::BodyUnreadable | Self::MemoryExhausted)
            && self.status().is_server_error()
    }

    /// What says the same in gRPC.
    pub(super) fn grpc_code(self) -> grpc::Code {
        match self.status() {
            StatusCode::UNAUTHORIZED => grpc::Code::Unauthenticated,
            StatusCode::PAYLOAD_TOO_LARGE => grpc::Code::ResourceExhausted,
            _ => grpc::Code::Unavailable,
        }
    }
}

impl From<VerifyError> for Rejection {
    fn from(error: VerifyError) -> Self {
        Self::Unverified(error)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unverified(error) => error.fmt(f),
            Self::BodyTooLarge => f.write_str("the body is longer than the limit"),
            Self::BodyUnreadable => f.write_str("the body broke off before its end"),
            Self::KeysUnavailable => f.write_str("the receiver's keys are unavailable"),
            Self::MemoryExhausted => f.write_str("the receiver has no memory left for the body"),
        }
    }
}

impl Error for Rejection {}
