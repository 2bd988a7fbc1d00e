//! Why a request was not answered.

use std::error::Error;
use std::fmt;

use crate::signature::SignError;

/// Why [`SvixSign`](super::SvixSign) has no response: the request was not sent, or the client `S` failed to.
///
/// `S` is the error of the client, and `B` the error of the body that was to be signed.
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
