//! Extractors for axum, and for every framework on `axum-core`.
//!
//! [`VerifiedEvent`](crate::VerifiedEvent) and [`VerifiedJson`] are arguments of a handler behind
//! [`SvixVerifyLayer`](crate::SvixVerifyLayer). Both leave the body alone, so the handler can take it too.
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
//! # Rejections
//!
//! | `code` | Status | Cause |
//! | --- | --- | --- |
//! | `event-missing` | 500 | The route is not behind the layer: an error of the receiver's. |
//! | `payload-not-json` | 400 | The payload is genuine, but not JSON. |
//! | `payload-mismatch` | 400 | The payload is genuine JSON, but does not fit the type: the `detail` names the field that is missing or of another type. |
//!
//! All of them are logged as errors: what is genuine, and yet not what the handler expects, is for the receiver to mend.

mod event;
#[cfg(feature = "json")]
mod json;

pub use self::event::MissingEvent;
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use self::json::{VerifiedJson, VerifiedJsonRejection};
