#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
mod problem;
mod signature;
mod trace;
pub mod verify;

pub use self::clock::{Clock, SystemClock};
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use self::signature::PayloadError;
pub use self::signature::{
    HeaderFamily, Keyring, Secret, SecretError, SignError, Verification, VerifiedEvent, Verifier,
    VerifyError,
};
pub use self::verify::{Rejection, SvixVerify, SvixVerifyLayer, VerifiedBody};
