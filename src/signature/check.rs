//! The check of one delivery with one key, while the body arrives.

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

/// The cost of a pass of HMAC beyond the body, in bytes that could be hashed in the same time: some 300 ns.
const HMAC_COST: usize = 1024;
/// The same for ed25519: up to 100 µs for the operation on the curve.
#[cfg(feature = "ed25519")]
const ED25519_COST: usize = 32 * 1024;

impl Check {
    /// Returns the cost of this pass beyond the body, in bytes that could be hashed in the same time.
    pub(super) fn cost(&self) -> usize {
        match self {
            Self::Hmac(_) | Self::HexHmac(_) => HMAC_COST,
            #[cfg(feature = "ed25519")]
            Self::Ed25519(_) => ED25519_COST,
        }
    }

    #[inline]
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Hmac(state) | Self::HexHmac(state) => state.update(bytes),
            #[cfg(feature = "ed25519")]
            Self::Ed25519(state) => state.update(bytes),
        }
    }

    /// Whether the key signed this delivery. Call at most once, after the whole body has gone through
    /// [`update`](Self::update).
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
