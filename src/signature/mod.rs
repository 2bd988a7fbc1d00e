//! The signature scheme of Svix and Standard Webhooks, without any Tower in it.
//!
//! A delivery comes with three headers: an id, a timestamp, and a list of signatures. Each signature is a MAC over
//! `id.timestamp.body`, with the texts of the two headers and the bytes of the body as they came over the wire
//! ([Standard Webhooks, "Signature scheme"][spec]).
//!
//! | Question | File |
//! | --- | --- |
//! | What are the headers called? | `header_family.rs`, and `header_names.rs` for a sender's own |
//! | How are they read? | `headers.rs`, `timestamp.rs` |
//! | What is checked of them, in which order? | `policy.rs` |
//! | What is a list of signatures? | `list.rs` |
//! | How does the body arrive? | `incoming.rs` |
//! | Which key signed it? | `search.rs`; `check.rs` tries one key, and `hmac.rs` has the MAC |
//! | What is a key? | `keys/`; its text is read by `text.rs` and `bytes.rs`, and `looks.rs` says why it is none |
//! | What is known of a verified delivery? | `event.rs`; its payload is read by `json.rs` and `json_pointer.rs` |
//! | How is all that used without Tower? | `verifier.rs`, and `verification.rs` for a body in parts |
//!
//! [spec]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme

mod check;
mod distance;
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
#[cfg(feature = "diagnose")]
pub(crate) use self::hmac::HmacKey;
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use self::json::PayloadError;
#[cfg(feature = "json")]
pub(crate) use self::json_pointer::JsonPointer;
pub use self::keys::{IntoKeyring, KeyError, Keyring, Secret, SigningKey, VerifyingKey};
#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
pub use self::keys::{PrivateKey, PublicKey};
pub(crate) use self::policy::{Now, Policy, define_policy_setters};
pub use self::verification::Verification;
pub use self::verifier::Verifier;
