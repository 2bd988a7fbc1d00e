//! HMAC-SHA256, the only MAC of the crate: version `v1` of the scheme.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroize as _;

/// The version that a list of signatures gives an HMAC-SHA256.
pub(super) const VERSION: &str = "v1";

/// An HMAC key with its key schedule already done, so that each delivery only hashes itself.
#[derive(Clone)]
pub(super) struct HmacKey(Hmac<Sha256>);

impl HmacKey {
    /// Prepares `key`; the caller has made sure that it is not empty.
    pub(super) fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// Starts the MAC of one delivery: over `id.timestamp.`, with the body to follow.
    pub(super) fn start(&self, id: &[u8], timestamp: &[u8]) -> HmacState {
        let mut state = HmacState(self.0.clone());
        for part in [id, b".", timestamp, b"."] {
            state.update(part);
        }
        state
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HMAC-SHA256")
    }
}

/// The MAC of a delivery whose body is still arriving.
pub(super) struct HmacState(Hmac<Sha256>);

impl HmacState {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> Tag {
        let mut text = [0; Tag::LEN];
        let written = STANDARD.encode_slice(self.0.finalize().as_bytes(), &mut text);
        debug_assert_eq!(written, Ok(Tag::LEN));
        Tag(text)
    }
}

/// A finished MAC, as the base64 text that a genuine `v1` signature reads.
///
/// Comparing text with text needs no decoder, and is strict by construction: each MAC has exactly one canonical text.
pub(super) struct Tag([u8; Tag::LEN]);

impl Tag {
    /// Characters in the base64 text of 32 bytes.
    pub(super) const LEN: usize = 44;

    /// Whether one of `signatures` is this MAC. The time it takes depends on their number and lengths only, neither on
    /// which of them matches nor on where one differs.
    pub(super) fn matches_any<'s>(&self, signatures: impl Iterator<Item = &'s [u8]>) -> bool {
        signatures
            .filter_map(|signature| signature.try_into().ok())
            .fold(Choice::from(0), |any, signature| {
                any | self.matches(signature)
            })
            .into()
    }

    fn matches(&self, signature: &[u8; Self::LEN]) -> Choice {
        // Word by word, since `subtle` guards each comparison, and there would be four times as many bytes.
        words(&self.0)
            .zip(words(signature))
            .fold(Choice::from(1), |same, (a, b)| same & a.ct_eq(&b))
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("base64 is ASCII")
    }
}

impl Drop for Tag {
    /// The right signature of a forged delivery must not stay behind in memory.
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

fn words(text: &[u8; Tag::LEN]) -> impl Iterator<Item = u32> {
    let (words, rest) = text.as_chunks();
    debug_assert!(rest.is_empty());
    words.iter().copied().map(u32::from_ne_bytes)
}
