//! The signature scheme of Svix and Standard Webhooks, without any Tower in it.
//!
//! A delivery comes with three headers: an id, a timestamp, and a list of signatures. Each signature is a MAC over
//! `id.timestamp.body`, with the texts of the two headers and the bytes of the body as they came over the wire
//! ([Standard Webhooks, "Signature scheme"][spec]). [`policy`] has the checks of
//! the headers in their order, [`list`] what a list of signatures is, [`incoming`] the arrival of the body, and [`search`] the search for the key that signed it.
//!
//! [spec]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme

mod check;
mod error;
mod event;
mod header_family;
mod header_names;
pub(crate) mod headers;
mod hmac;
pub(crate) mod incoming;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "json")]
mod json_pointer;
mod keys;
mod list;
mod policy;
pub(crate) mod search;
mod timestamp;
mod verification;
mod verifier;

pub use self::error::{SignError, VerifyError};
pub use self::event::VerifiedEvent;
pub use self::header_family::HeaderFamily;
pub use self::header_names::InvalidHeaderNames;
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use self::json::PayloadError;
#[cfg(feature = "json")]
pub(crate) use self::json_pointer::JsonPointer;
pub use self::keys::{KeyError, Keyring, Secret, SigningKey, VerifyingKey};
#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
pub use self::keys::{PrivateKey, PublicKey};
pub(crate) use self::policy::{Now, Policy, define_policy_setters};
pub use self::verification::Verification;
pub use self::verifier::Verifier;
