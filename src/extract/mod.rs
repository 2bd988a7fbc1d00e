//! Extractors for axum, and for every framework that is based on `axum-core`.
//!
//! A handler behind [`SvixVerifyLayer`](crate::SvixVerifyLayer) takes one of these as an argument:
//!
//! 1. [`VerifiedEvent`](crate::VerifiedEvent): the proof that the request is verified, with the id and the raw payload.
//! 2. [`VerifiedJson<T>`](VerifiedJson) (feature `json`): the same, and the payload parsed as JSON.
//!
//! Neither of them takes the body, so the handler can extract it too. On a route without the layer, both answer every
//! request with 500: a handler that takes one of them never processes a request that is not verified.
//!
//! # Example
//!
//! ```
//! use axum::{Router, routing::post};
//! use serde::Deserialize;
//! use tower_svix::extract::VerifiedJson;
//! use tower_svix::{Secret, SvixVerifyLayer};
//!
//! #[derive(Deserialize)]
//! struct Event {
//!     r#type: String,
//! }
//!
//! async fn receive(VerifiedJson { event, payload, .. }: VerifiedJson<Event>) {
//!     println!("{}: {}", event.id(), payload.r#type);
//! }
//!
//! # fn main() -> Result<(), tower_svix::KeyError> {
//! let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
//! let app: Router = Router::new()
//!     .route("/webhook", post(receive))
//!     .layer(SvixVerifyLayer::new(secret));
//! # Ok(())
//! # }
//! ```
//!
//! [`SvixVerifyLayer`](crate::SvixVerifyLayer#with-axum) shows which routes a layer covers, and how to combine layers.
//!
//! # Rejections
//!
//! | `code` | Status | Cause |
//! | --- | --- | --- |
//! | `event-missing` | 500 | The route is not behind the layer, which is an error of the receiver. |
//! | `payload-not-json` | 400 | The payload is genuine, but not JSON. |
//! | `payload-mismatch` | 400 | The payload is genuine JSON, but does not fit the type. The `detail` names the field that is missing or has another type. |
//!
//! All of them are logged as errors, because the receiver must fix each of them: the handler expects something other
//! than what the sender sends.

mod event;
#[cfg(feature = "json")]
mod json;

pub use self::event::MissingEvent;
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use self::json::{VerifiedJson, VerifiedJsonRejection};
