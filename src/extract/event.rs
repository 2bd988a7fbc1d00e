//! The proof as an argument of a handler.

use std::error::Error;
use std::fmt;

use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use crate::problem::problem;
use crate::signature::VerifiedEvent;
use crate::telemetry;

impl<S: Send + Sync> FromRequestParts<S> for VerifiedEvent {
    type Rejection = MissingEvent;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingEvent> {
        parts.extensions.get().cloned().ok_or(MissingEvent)
    }
}

/// Rejection of a request that has no [`VerifiedEvent`], because its route is not behind the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingEvent;

impl fmt::Display for MissingEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this route is not behind SvixVerifyLayer: add `.layer(SvixVerifyLayer::new(secret))` to its router")
    }
}

impl Error for MissingEvent {}

impl IntoResponse for MissingEvent {
    fn into_response(self) -> Response {
        const CODE: &str = "event-missing";
        telemetry::error(CODE, &self, None);
        problem(StatusCode::INTERNAL_SERVER_ERROR, CODE, &self).map(Body::from)
    }
}
