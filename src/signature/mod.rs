//! The signature scheme of Svix and Standard Webhooks, without Tower.
//!
//! A delivery has three headers: an id, a timestamp and a list of signatures. Each signature covers
//! `id.timestamp.body`: the text of the first two headers and the bytes of the body, exactly as they were sent
//! ([Standard Webhooks, "Signature scheme"][spec]).
//!
//! | Question | File |
//! | --- | --- |
//! | What are the headers called? | `header_family.rs`; `header_names.rs` for custom names |
//! | How are they read? | `headers.rs`, `timestamp.rs` |
//! | Which checks do they go through, in which order? | `policy.rs` |
//! | What is a list of signatures? | `list.rs` |
//! | How is the body received? | `incoming.rs` |
//! | Which key signed a delivery? | `search.rs`; `check.rs` tries one key, and `hmac.rs` computes the MAC |
//! | What is a key? | `keys/`; `text.rs` and `bytes.rs` parse its text, and `looks.rs` says why a text is not a key |
//! | What is known about a verified delivery? | `event.rs`; `json.rs` and `json_pointer.rs` read its payload |
//! | How are deliveries verified without Tower? | `verifier.rs`; `verification.rs` for a body that arrives in parts |
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
