//! The signature scheme of Svix and Standard Webhooks, without any Tower in it.
//!
//! A delivery comes with three headers: an id, a timestamp, and a list of signatures. Each signature is a MAC over
//! `id.timestamp.body`, with the texts of the two headers and the bytes of the body as they came over the wire
//! ([Standard Webhooks, "Signature scheme"][spec]). [`policy`] and [`reception`] put the
//! steps in order; each has its file.
//!
//! [spec]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme

mod check;
#[cfg(feature = "ed25519")]
mod ed25519;
pub(crate) mod envelope;
mod error;
mod event;
mod hmac;
#[cfg(feature = "json")]
mod json;
mod key_text;
mod keyring;
mod payload;
mod policy;
pub(crate) mod reception;
mod secret;
mod signing_key;
mod timestamp;
mod verification;
mod verifier;

pub use self::envelope::HeaderFamily;
pub use self::error::{SecretError, SignError, VerifyError};
pub use self::event::VerifiedEvent;
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use self::json::PayloadError;
pub use self::keyring::Keyring;
#[cfg(feature = "sign")]
pub(crate) use self::payload::Payload;
pub(crate) use self::policy::Policy;
pub use self::secret::Secret;
pub use self::signing_key::SigningKey;
pub use self::verification::Verification;
pub use self::verifier::Verifier;
