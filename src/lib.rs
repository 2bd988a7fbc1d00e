//! Tower middleware that verifies webhooks signed with the [Svix] or [Standard Webhooks] scheme.
//!
//! A request reaches the inner service, which is your handler, only if its signature is valid. The service gets the exact
//! bytes that were signed, and a [`VerifiedEvent`] in the request's extensions, which exists only after verification.
//! Anything else is answered with a [rejection](verify#rejections).
//!
//! ```no_run
//! use axum::{Router, routing::post};
//! use tower_svix::{Keyring, SvixVerifyLayer, VerifiedEvent};
//!
//! // With the feature `axum`. Without it, take `Extension<VerifiedEvent>`.
//! async fn receive(event: VerifiedEvent) -> String {
//!     format!("{}: {} bytes\n", event.id(), event.payload().len())
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys: Keyring = std::env::var("WEBHOOK_SECRET")
//!     .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
//!     .parse()?;
//! let app = Router::new()
//!     .route("/webhook", post(receive))
//!     .layer(SvixVerifyLayer::new(keys));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! axum::serve(listener, app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! **A layer guards only routes that were added before it.** On any other route, a handler that takes [`VerifiedEvent`]
//! answers 500, but one without it runs unprotected: see [`SvixVerifyLayer`](SvixVerifyLayer#with-axum).
//!
//! The signature covers the id, the timestamp and the payload. It does not cover the method, the path or any other header,
//! and it does not show that an event is new: see [what is not verified](verify#what-is-not-verified).
//!
//! # Find what you need
//!
//! All features are off by default, and no feature changes a verdict.
//!
//! | I want to … | Item | Feature |
//! | --- | --- | --- |
//! | **Receive** | | |
//! | verify requests in front of a service | [`SvixVerifyLayer`]; its rules are in [`verify`] | |
//! | place the layer among timeouts, limits and others | [placement](verify#placement) | |
//! | take the event as an argument in axum | [`extract`] | `axum` |
//! | take the request in hyper or another framework | [`VerifiedBody`] | |
//! | verify without Tower, as in a queue worker | [`Verifier`], and [`Verification`] for a body in parts | |
//! | read the id, the time and the payload | [`VerifiedEvent`] | |
//! | parse the payload | `VerifiedEvent::json`, and [`VerifiedJson`] in axum | `json` |
//! | read headers with other names | [`HeaderFamily`] | |
//! | limit bodies and their memory | [`body_limit`], [`memory_limit`] | |
//! | change how old a delivery may be | [`tolerance`]; the time comes from a [`Clock`] | |
//! | **Keys** | | |
//! | read a key from text | [`Secret`], [`Keyring`]; what went wrong: [`KeyError`] | |
//! | read keys from configuration files | `Deserialize` for [`Secret`], [`VerifyingKey`] and [`Keyring`] | `serde` |
//! | use the text itself as the key | [`Secret::from_text`] | |
//! | verify with a public key | [`PublicKey`] | `ed25519` |
//! | rotate keys while requests run | [`Keyring::replace`] | |
//! | keep the keys of many tenants | [`KeyringMap`], [`key_source_fn`], [`KeySource`] | |
//! | **Each event once** | | |
//! | process each event once | [`IdempotencyLayer`] in [`idempotency`] | `idempotency` |
//! | remember events in this process | [`MemoryStore`] | `idempotency-memory` |
//! | remember events in Redis | the crate [`tower-svix-redis`] | |
//! | remember or process events in Postgres or SQLite | the crate [`tower-svix-sqlx`] | |
//! | **See what happens** | | |
//! | see, hide or change a rejection | [`Rejection`], [`opaque_rejections`], [`rejection_response`] | |
//! | find out why a delivery is rejected | [`Diagnosis`], or the program `webhook` of [`tower-svix-cli`] | `diagnose` |
//! | see deliveries in logs and traces | [the log](verify#the-log) | `tracing` |
//! | count deliveries | [metrics](verify#metrics-and-traces) | `metrics` |
//! | test a handler | [`SignedRequest`] and [`ManualClock`] in [`test_util`] | `test-util` |
//! | **Send** | | |
//! | sign requests of a client | [`SvixSignLayer`] in [`mod@sign`] | `sign` |
//! | sign one delivery | [`Secret::sign`], [`SigningKey`] | |
//! | make a new secret | [`sign::generate`] | `sign` |
//!
//! # Guides
//!
//! [Frameworks] has the sample for hyper, tonic and others. [Keys] has every kind of key, rotation and tenants, and
//! [senders] what each known sender needs. [Duplicates] helps to choose how each event is processed once. [Deployment] says
//! what else a public server needs. [Recipes] has programs for common tasks. [`tower-svix-pulse`] has the events of Pulse
//! as types.
//!
//! [Deployment]: https://github.com/tower-svix/tower-svix/blob/main/docs/DEPLOYMENT.md
//! [Duplicates]: https://github.com/tower-svix/tower-svix/blob/main/docs/DUPLICATES.md
//! [Frameworks]: https://github.com/tower-svix/tower-svix/blob/main/docs/FRAMEWORKS.md
//! [Keys]: https://github.com/tower-svix/tower-svix/blob/main/docs/KEYS.md
//! [Recipes]: https://github.com/tower-svix/tower-svix/blob/main/docs/RECIPES.md
//! [senders]: https://github.com/tower-svix/tower-svix/blob/main/docs/SENDERS.md
//! [`tower-svix-cli`]: https://github.com/tower-svix/tower-svix/blob/main/cli/README.md
//! [`tower-svix-pulse`]: https://github.com/tower-svix/tower-svix/blob/main/pulse/README.md
//! [`tower-svix-redis`]: https://github.com/tower-svix/tower-svix/blob/main/stores/redis/README.md
//! [`tower-svix-sqlx`]: https://github.com/tower-svix/tower-svix/blob/main/stores/sqlx/README.md
//! [Svix]: https://docs.svix.com/receiving/verifying-payloads/how
//! [Standard Webhooks]: https://www.standardwebhooks.com
//! [`Diagnosis`]: diagnose::Diagnosis
//! [`ManualClock`]: test_util::ManualClock
//! [`MemoryStore`]: idempotency::MemoryStore
//! [`SignedRequest`]: test_util::SignedRequest
//! [`VerifiedJson`]: extract::VerifiedJson
//! [`body_limit`]: SvixVerifyLayer::body_limit
//! [`memory_limit`]: SvixVerifyLayer::memory_limit
//! [`opaque_rejections`]: SvixVerifyLayer::opaque_rejections
//! [`rejection_response`]: SvixVerifyLayer::rejection_response
//! [`tolerance`]: SvixVerifyLayer::tolerance

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(
    clippy::dbg_macro,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::todo
)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod body;
mod clock;
#[cfg(feature = "diagnose")]
#[cfg_attr(docsrs, doc(cfg(feature = "diagnose")))]
pub mod diagnose;
#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod extract;
mod grpc;
#[cfg(feature = "idempotency")]
#[cfg_attr(docsrs, doc(cfg(feature = "idempotency")))]
pub mod idempotency;
mod inner_service;
mod problem;
mod random;
#[cfg(feature = "sign")]
#[cfg_attr(docsrs, doc(cfg(feature = "sign")))]
pub mod sign;
mod signature;
mod stack;
mod telemetry;
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub mod test_util;
pub mod verify;

pub use self::body::ResponseBody;
pub use self::clock::{Clock, SystemClock};
#[cfg(feature = "idempotency")]
#[cfg_attr(docsrs, doc(cfg(feature = "idempotency")))]
pub use self::idempotency::layer::IdempotencyLayer;
pub use self::random::RandomnessUnavailable;
#[cfg(feature = "sign")]
#[cfg_attr(docsrs, doc(cfg(feature = "sign")))]
pub use self::sign::layer::SvixSignLayer;
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use self::signature::PayloadError;
pub use self::signature::{
    HeaderFamily, IntoKeyring, InvalidHeaderNames, KeyError, Keyring, Secret, SignError,
    SigningKey, Verification, VerifiedEvent, Verifier, VerifyError, VerifyingKey,
};
#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
pub use self::signature::{PrivateKey, PublicKey};
pub use self::verify::body::VerifiedBody;
pub use self::verify::key_source::{KeySource, KeySourceFn, key_source_fn};
pub use self::verify::keyring_map::KeyringMap;
pub use self::verify::layer::SvixVerifyLayer;
pub use self::verify::rejection::Rejection;
