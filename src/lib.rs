#![doc = include_str!("../README.md")]
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
