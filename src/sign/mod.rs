//! Sign requests on their way out, as Svix and other senders of Standard Webhooks do.
//!
//! [`SvixSign`] wraps an HTTP client. It receives the body of each request, signs it, and hands the request on with the
//! three headers: the id, the timestamp, and one signature for each key. Headers of these names that the request
//! already has are replaced, but for the id: a request that is sent again keeps the id it was given, since receivers
//! tell duplicates by it. Headers of the other family are removed, since receivers might read those.
//!
//! The body is kept in memory as a whole, because the signature goes before it. The timestamp is taken when the body is
//! complete.
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
//! // In place of `service_fn(send)`: hyper-util's legacy client for `SignedBody`, or any other HTTP client.
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
//! Place a layer that retries outside of this one, so that each attempt has a timestamp of its own, and give the request
//! its id header before: without one, each attempt gets a new id, and the receiver cannot tell that it is the same event.
//!
//! # Rotation
//!
//! During a rotation, the layer [signs with two keys](crate::SvixSignLayer::new), the new one and the old one, until all
//! receivers know the new one.

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
