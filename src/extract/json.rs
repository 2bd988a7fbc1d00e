//! The extractor of the verified event and its parsed payload.

use std::error::Error;
use std::fmt;

use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::event::MissingEvent;
use crate::problem::problem;
use crate::signature::{PayloadError, VerifiedEvent};
use crate::telemetry;

/// A verified event and its payload, parsed as JSON.
///
/// Only extraction creates one, so its content is always verified. See the [module docs](crate::extract) for an
/// example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifiedJson<T> {
    /// The proof, with the id and the raw payload.
    pub event: VerifiedEvent,
    /// The parsed payload.
    pub payload: T,
}

impl<S, T> FromRequestParts<S> for VerifiedJson<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = VerifiedJsonRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Self, VerifiedJsonRejection> {
        let event = VerifiedEvent::from_request_parts(parts, state)
            .await
            .map_err(VerifiedJsonRejection::MissingEvent)?;
        let payload = event.json().map_err(VerifiedJsonRejection::Payload)?;
        Ok(Self { event, payload })
    }
}

/// Rejection of [`VerifiedJson`].
///
/// See the [table of rejections](crate::extract#rejections).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifiedJsonRejection {
    /// The route is not behind [`SvixVerifyLayer`](crate::SvixVerifyLayer).
    MissingEvent(MissingEvent),
    /// The payload is genuine, but not JSON, or does not fit the type.
    Payload(PayloadError),
}

impl fmt::Display for VerifiedJsonRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingEvent(error) => error.fmt(f),
            Self::Payload(error) => error.fmt(f),
        }
    }
}

impl Error for VerifiedJsonRejection {}

impl IntoResponse for VerifiedJsonRejection {
    fn into_response(self) -> Response {
        match self {
            Self::MissingEvent(error) => error.into_response(),
            Self::Payload(error) => {
                // The payload is genuine, so the error is that the handler expects another one.
                telemetry::error(error.code(), &error, None);
                problem(StatusCode::BAD_REQUEST, error.code(), &error).map(Body::from)
            }
        }
    }
}
