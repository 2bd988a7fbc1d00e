//! The error of the signing middleware.

use std::error::Error;
use std::fmt;

use crate::signature::SignError;

/// The error of [`SvixSign`](super::SvixSign): the request could not be signed, or the client failed.
///
/// `S` is the error type of the client, and `B` that of the body to sign.
///
/// # Example
///
/// ```
/// use http::{Request, Response};
/// use std::convert::Infallible;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use tower_svix::sign::{SignedBody, SvixSignError};
/// use tower_svix::{SignError, SvixSignLayer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let send = service_fn(async |_: Request<SignedBody>| Ok::<_, Infallible>(Response::new(())));
/// let without_keys = SvixSignLayer::new(Vec::<tower_svix::Secret>::new());
/// let client = ServiceBuilder::new().layer(without_keys).service(send);
///
/// let result = client.oneshot(Request::new(String::from("{}"))).await;
/// assert!(matches!(result, Err(SvixSignError::Sign(SignError::NoKey))));
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SvixSignError<S, B> {
    /// The client failed.
    Client(S),
    /// The body broke off, so there was nothing to sign.
    Body(B),
    /// The request could not be signed.
    Sign(SignError),
}

impl<S, B> fmt::Display for SvixSignError<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client(_) => "the signed request could not be sent",
            Self::Body(_) => "the body of the request to sign broke off",
            Self::Sign(_) => "the request could not be signed",
        })
    }
}

impl<S: Error + 'static, B: Error + 'static> Error for SvixSignError<S, B> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Client(error) => Some(error),
            Self::Body(error) => Some(error),
            Self::Sign(error) => Some(error),
        }
    }
}

impl<S, B> From<SignError> for SvixSignError<S, B> {
    fn from(error: SignError) -> Self {
        Self::Sign(error)
    }
}
