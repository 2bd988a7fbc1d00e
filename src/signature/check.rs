//! One key's check of one delivery, while the body arrives.

#[cfg(feature = "ed25519")]
use super::ed25519::{self, Ed25519State};
use super::headers::SignatureHeaders;
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

    /// Whether the key signed this delivery, all of whose body went through [`update`](Self::update). Call at most once.
    pub(super) fn is_match(&mut self, headers: &SignatureHeaders) -> bool {
        match self {
            Self::Hmac(state) => state.element().is_in(headers.signature_list()),
            Self::HexHmac(state) => state.hex_tag().is_one_of(hex_signatures(headers)),
            #[cfg(feature = "ed25519")]
            Self::Ed25519(state) => state.is_valid(),
        }
    }
}

/// Whether any listed signature has a form that a supported key could match.
pub(super) fn is_possible(headers: &SignatureHeaders) -> bool {
    #[cfg(feature = "ed25519")]
    if ed25519_signatures(headers).next().is_some() {
        return true;
    }
    headers.lists_hmac || hex_signatures(headers).next().is_some()
}

/// The listed MACs in hexadecimal digits, with a version or without, as far as their form goes.
pub(super) fn hex_signatures(headers: &SignatureHeaders) -> impl Iterator<Item = &[u8]> {
    headers
        .signatures(hmac::VERSION)
        .chain(headers.elements())
        .filter(|signature| signature.len() == hmac::HEX_LEN)
}

/// The listed ed25519 signatures, as far as their form goes, and no more than are tried.
#[cfg(feature = "ed25519")]
pub(super) fn ed25519_signatures(headers: &SignatureHeaders) -> impl Iterator<Item = &[u8]> {
    headers
        .signatures(ed25519::VERSION)
        .filter(|signature| signature.len() == ed25519::BASE64_LEN)
        .take(ed25519::MAX_SIGNATURES)
}
