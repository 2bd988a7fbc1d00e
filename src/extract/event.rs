//! The extractor of the verified event.

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

/// Rejection of a request without a [`VerifiedEvent`], because its route is not behind
/// [`SvixVerifyLayer`](crate::SvixVerifyLayer).
///
/// # Example
///
/// ```
/// use axum::{Router, body::Body, routing::post};
/// use http::Request;
/// use tower::ServiceExt;
/// use tower_svix::VerifiedEvent;
///
/// async fn receive(event: VerifiedEvent) {
///     println!("{}", event.id());
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let without_the_layer: Router = Router::new().route("/webhook", post(receive));
/// let request = Request::post("/webhook").body(Body::empty())?;
/// assert_eq!(without_the_layer.oneshot(request).await?.status(), 500);
/// # Ok(())
/// # }
/// ```
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
