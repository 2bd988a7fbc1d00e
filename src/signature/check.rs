//! One key's check of one delivery, while the body arrives.

use super::hmac::HmacState;
#[cfg(feature = "ed25519")]
use super::keys::ed25519::Ed25519State;
use super::list::{Form, SignatureList};

/// A pass over the body with one key.
pub(super) enum Check {
    /// A MAC, to be compared with every listed `v1` signature.
    Hmac(HmacState),
    /// A MAC, to be compared with every signature listed in hexadecimal digits.
    HexHmac(HmacState),
    /// One listed `v1a` signature.
    #[cfg(feature = "ed25519")]
    Ed25519(Ed25519State),
}

impl Check {
    #[inline]
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Hmac(state) | Self::HexHmac(state) => state.update(bytes),
            #[cfg(feature = "ed25519")]
            Self::Ed25519(state) => state.update(bytes),
        }
    }

    /// Whether the key signed this delivery, all of whose body went through [`update`](Self::update). Call at most once.
    #[inline]
    pub(super) fn is_match<V: AsRef<[u8]>>(&mut self, signatures: &SignatureList<V>) -> bool {
        match self {
            Self::Hmac(state) => state.base64_tag().is_one_of(signatures.of(Form::Hmac)),
            Self::HexHmac(state) => state.hex_tag().is_one_of(signatures.of(Form::HexHmac)),
            #[cfg(feature = "ed25519")]
            Self::Ed25519(state) => state.is_valid(),
        }
    }
}
