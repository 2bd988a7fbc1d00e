//! ed25519 ([RFC 8032]), version `v1a` of the scheme: the sender has the private key, and receivers have the public
//! key.
//!
//! [RFC 8032]: https://www.rfc-editor.org/rfc/rfc8032

mod private_key;
mod public_key;
mod strict;

pub use self::private_key::PrivateKey;
pub(in crate::signature) use self::public_key::Ed25519State;
pub use self::public_key::PublicKey;
