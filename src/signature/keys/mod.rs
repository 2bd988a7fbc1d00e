//! The keys of senders and receivers, and the parsing of their texts.

mod bytes;
#[cfg(feature = "serde")]
mod config;
#[cfg(feature = "ed25519")]
pub(super) mod ed25519;
mod error;
mod into_keyring;
mod keyring;
mod looks;
mod secret;
mod signing_key;
mod text;
mod verifying_key;

#[cfg(feature = "ed25519")]
pub use self::ed25519::{PrivateKey, PublicKey};
pub use self::error::KeyError;
pub use self::into_keyring::IntoKeyring;
pub(super) use self::keyring::KeySet;
pub use self::keyring::Keyring;
pub use self::secret::Secret;
pub use self::signing_key::SigningKey;
pub use self::verifying_key::VerifyingKey;
