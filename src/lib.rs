#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(
    clippy::dbg_macro,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::todo
)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod clock;
#[cfg(feature = "events")]
#[cfg_attr(docsrs, doc(cfg(feature = "events")))]
pub mod events;
#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod extract;
#[cfg(feature = "generate")]
#[cfg_attr(docsrs, doc(cfg(feature = "generate")))]
pub mod generate;
mod grpc;
#[cfg(feature = "idempotency")]
#[cfg_attr(docsrs, doc(cfg(feature = "idempotency")))]
pub mod idempotency;
mod inner_service;
mod problem;
mod response_body;
#[cfg(feature = "sign")]
#[cfg_attr(docsrs, doc(cfg(feature = "sign")))]
pub mod sign;
mod signature;
mod telemetry;
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub mod test_util;
pub mod verify;
mod whole_body;

pub use self::clock::{Clock, SystemClock};
#[cfg(feature = "idempotency")]
#[cfg_attr(docsrs, doc(cfg(feature = "idempotency")))]
pub use self::idempotency::{Idempotency, IdempotencyLayer};
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use self::signature::PayloadError;
pub use self::signature::{
    HeaderFamily, Keyring, Secret, SecretError, SignError, SigningKey, Verification, VerifiedEvent,
    Verifier, VerifyError,
};
pub use self::verify::{
    KeySource, KeyringMap, Rejection, SvixVerify, SvixVerifyLayer, VerifiedBody,
};
