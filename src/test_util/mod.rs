//! Tools to test a handler behind [`SvixVerifyLayer`](crate::SvixVerifyLayer), without any cryptography in the test.
//!
//! A test sends the service what a sender would:
//!
//! 1. [`SignedRequest`] makes requests that are signed like real ones, and also forged requests, stale ones and
//!    duplicates.
//! 2. [`Fixture`] is a real delivery that was saved to a file.
//! 3. [`ManualClock`] sets the time that the layer sees.
//! 4. [`conformance::check`] (feature `idempotency`) tests an implementation of [`Store`](crate::idempotency::Store).
//!
//! # Example
//!
//! ```
//! use http::{Request, Response};
//! use std::convert::Infallible;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_svix::test_util::{ManualClock, SignedRequest};
//! use tower_svix::{Secret, SvixVerifyLayer, VerifiedBody, VerifiedEvent};
//!
//! async fn handler(request: Request<VerifiedBody>) -> Result<Response<String>, Infallible> {
//!     let event: &VerifiedEvent = request.extensions().get().expect("verified");
//!     Ok(Response::new(event.id().to_owned()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
//! let clock = ManualClock::new(1_704_067_200);
//! let service = ServiceBuilder::new()
//!     .layer(SvixVerifyLayer::new(secret.clone()).clock(clock.clone()))
//!     .service_fn(handler);
//!
//! let request = SignedRequest::new(secret)
//!     .id("msg_1")
//!     .unix_seconds(1_704_067_200)
//!     .body(r#"{"type":"job.completed"}"#);
//!
//! let response = service.clone().oneshot(request.build()).await?;
//! assert_eq!(response.status(), 200);
//!
//! clock.advance(301);
//! let response = service.oneshot(request.build()).await?;
//! assert_eq!(response.status(), 401);
//! # Ok(())
//! # }
//! ```
//!
//! # Forged, stale and duplicate deliveries
//!
//! ```
//! use http::{Request, Response};
//! use std::convert::Infallible;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_svix::test_util::SignedRequest;
//! use tower_svix::{Rejection, Secret, SvixVerifyLayer, VerifiedBody, VerifiedEvent};
//!
//! async fn handler(request: Request<VerifiedBody>) -> Result<Response<String>, Infallible> {
//!     let event: &VerifiedEvent = request.extensions().get().expect("verified");
//!     Ok(Response::new(event.id().to_owned()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
//! let service = ServiceBuilder::new()
//!     .layer(SvixVerifyLayer::new(secret.clone()))
//!     .service_fn(handler);
//! let request = SignedRequest::new(secret).body(r#"{"type":"job.completed"}"#);
//!
//! for (wrong, code) in [
//!     (request.build_forged(), "signature-mismatch"),
//!     (request.build_stale(), "timestamp-too-old"),
//! ] {
//!     let response = service.clone().oneshot(wrong).await?;
//!     let rejection: &Rejection = response.extensions().get().expect("rejected");
//!     assert_eq!(rejection.code(), code);
//! }
//!
//! // Both are valid deliveries of one event. `IdempotencyLayer` would let the handler process it once.
//! for duplicate in request.build_duplicates() {
//!     assert_eq!(service.clone().oneshot(duplicate).await?.status(), 200);
//! }
//! # Ok(())
//! # }
//! ```

mod clock;
#[cfg(feature = "idempotency")]
#[cfg_attr(docsrs, doc(cfg(feature = "idempotency")))]
pub mod conformance;
mod fixture;
mod request;

pub use self::clock::ManualClock;
pub use self::fixture::{Fixture, FixtureError};
pub use self::request::SignedRequest;
