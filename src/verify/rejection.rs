//! The reasons for a rejection. This is the only place that chooses a status.

use std::error::Error;
use std::fmt;

use http::StatusCode;

use crate::grpc;
use crate::signature::VerifyError;

/// The reason why a request did not reach the inner service.
///
/// [`SvixVerify`](super::SvixVerify) puts it into the extensions of its response, for an outer layer to log or count.
/// See the [table of rejections](crate::verify#rejections).
///
/// # Example
///
/// ```
/// use http::{Request, Response};
/// use std::convert::Infallible;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use tower_svix::{Rejection, Secret, SvixVerifyLayer, VerifiedBody, VerifyError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// let handler = service_fn(async |_: Request<VerifiedBody>| Ok::<_, Infallible>(Response::new(())));
/// let service = ServiceBuilder::new()
///     .layer(SvixVerifyLayer::new(secret))
///     .service(handler);
///
/// let response = service.oneshot(Request::new(String::from("{}"))).await?;
/// let rejection: Option<&Rejection> = response.extensions().get();
/// assert_eq!(rejection, Some(&Rejection::Unverified(VerifyError::NoHeaders)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The request is not a valid delivery.
    Unverified(VerifyError),
    /// The body is longer than the [limit](crate::SvixVerifyLayer::body_limit), or claims to be.
    BodyTooLarge,
    /// The body broke off, or could not be read for another reason, such as a timeout.
    BodyUnreadable,
    /// The [lookup of the keys](crate::KeySource) failed, so the request could not be judged.
    KeysUnavailable,
    /// The unverified bodies of the layer take all of its [memory](crate::SvixVerifyLayer::memory_limit).
    MemoryExhausted,
}

impl Rejection {
    /// Returns the stable, machine-readable name of the cause, as the response shows it.
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

    /// Returns the status of the response. A gRPC call gets 200 instead, with a corresponding `grpc-status`.
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
                // The receiver is at fault: the delivery may be genuine, so the sender must retry it.
                VerifyError::ClockUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            },
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            // A timeout may have ended a genuine upload that stalled, and some senders never retry after a 4xx.
            Self::BodyUnreadable | Self::KeysUnavailable | Self::MemoryExhausted => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// Returns whether operators have something to fix. They do not if a body breaks off, which the sender causes, or
    /// if all memory is taken, which anyone can cause: the status then only asks the sender to try again.
    pub(super) fn is_ours(self) -> bool {
        !matches!(self, Self::BodyUnreadable | Self::MemoryExhausted)
            && self.status().is_server_error()
    }

    /// Returns the gRPC code that corresponds to the status.
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
