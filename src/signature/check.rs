//! One key's check of one delivery, while the body arrives.

#[cfg(feature = "ed25519")]
use super::ed25519::{self, Ed25519State};
use super::envelope::Envelope;
use super::hmac::{self, HmacState};

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
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Hmac(state) | Self::HexHmac(state) => state.update(bytes),
            #[cfg(feature = "ed25519")]
            Self::Ed25519(state) => state.update(bytes),
        }
    }

    /// Whether the key signed this delivery, all of whose body went through [`update`](Self::update).
    /// To be asked once.
    pub(super) fn holds(&mut self, envelope: &Envelope) -> bool {
        match self {
            Self::Hmac(state) => state.element().is_in(envelope.signature_list()),
            Self::HexHmac(state) => state.hex_tag().is_one_of(hex_signatures(envelope)),
            #[cfg(feature = "ed25519")]
            Self::Ed25519(state) => state.holds(),
        }
    }
}

/// Whether any signature is listed that some key could hold for.
pub(super) fn is_possible(envelope: &Envelope) -> bool {
    #[cfg(feature = "ed25519")]
    if ed25519_signatures(envelope).next().is_some() {
        return true;
    }
    envelope.lists_hmac || hex_signatures(envelope).next().is_some()
}

/// The listed MACs in hexadecimal digits, with a version or without, as far as their form goes.
pub(super) fn hex_signatures(envelope: &Envelope) -> impl Iterator<Item = &[u8]> {
    envelope
        .signatures(hmac::VERSION)
        .chain(envelope.elements())
        .filter(|signature| signature.len() == hmac::HEX_LEN)
}

/// The listed ed25519 signatures, as far as their form goes, and no more than are tried.
#[cfg(feature = "ed25519")]
pub(super) fn ed25519_signatures(envelope: &Envelope) -> impl Iterator<Item = &[u8]> {
    envelope
        .signatures(ed25519::VERSION)
        .filter(|signature| signature.len() == ed25519::BASE64_LEN)
        .take(ed25519::MAX_SIGNATURES)
}
