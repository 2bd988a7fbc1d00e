//! ed25519 ([RFC 8032]), version `v1a` of the scheme: the sender keeps the private key, receivers hold the public one.
//!
//! [RFC 8032]: https://www.rfc-editor.org/rfc/rfc8032

mod private_key;
mod public_key;

pub use self::private_key::PrivateKey;
pub use self::public_key::PublicKey;
pub(super) use self::public_key::{BASE64_LEN, Ed25519State, MAX_SIGNATURES, VERSION};
