//! Middleware for HTTP clients that signs requests, as Svix and other senders of Standard Webhooks do.
//!
//! [`SvixSign`] wraps a client. For each request:
//!
//! 1. It receives the whole body and keeps it in memory, because the signature is sent before the body.
//! 2. It sets the three headers: the id, the timestamp, and one signature for each key. The timestamp is the time at
//!    which the body is complete.
//! 3. It keeps an id header that the request already has, because receivers detect duplicates by the id. It replaces an
//!    existing timestamp and signature. It removes `svix-*` and `webhook-*` headers of another
//!    [family](crate::SvixSignLayer::header_family), because receivers might read them instead.
//! 4. It sends the request with the signed bytes as a [`SignedBody`].
//!
//! # Example
//!
//! ```
//! use http::{Request, Response};
//! use std::convert::Infallible;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_svix::sign::SignedBody;
//! use tower_svix::{SigningKey, SvixSignLayer};
//!
//! # async fn send(request: Request<SignedBody>) -> Result<Response<()>, Infallible> {
//! #     assert!(request.headers()["webhook-signature"].to_str().unwrap().starts_with("v1,"));
//! #     Ok(Response::new(()))
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key: SigningKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
//!
//! // Instead of `service_fn(send)`: hyper-util's legacy client for `SignedBody`, or any other HTTP client.
//! let client = ServiceBuilder::new().layer(SvixSignLayer::new(key)).service_fn(send);
//!
//! let request = Request::post("http://localhost/webhook").body(String::from(r#"{"type":"ping"}"#))?;
//! let response = client.oneshot(request).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Placement
//!
//! Place a layer that retries outside of this one, so that each attempt has its own timestamp. Set the id header before
//! the retry layer: without one, each attempt gets a new id, and the receiver cannot detect that it is the same event.
//!
//! # Rotation
//!
//! During a rotation, the layer [signs with two keys](crate::SvixSignLayer::also_sign_with), the new one and the old
//! one, until all receivers have the new one.

mod body;
mod error;
mod future;
pub mod generate;
mod into_signing_keys;
pub(crate) mod layer;
mod service;
mod signer;

pub use self::body::SignedBody;
pub use self::error::SvixSignError;
pub use self::future::ResponseFuture;
pub use self::into_signing_keys::IntoSigningKeys;
pub use self::service::SvixSign;
#[cfg(feature = "test-util")]
pub(crate) use self::signer::Signer;
