//! HMAC-SHA256, the only MAC of the crate: version `v1` of the scheme.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroize as _;

/// The version that a list of signatures gives an HMAC-SHA256.
pub(super) const VERSION: &str = "v1";

/// Characters in the base64 text of a MAC, padding included.
pub(super) const BASE64_LEN: usize = 44;
/// Characters in the hexadecimal text of a MAC.
pub(super) const HEX_LEN: usize = 64;

/// An HMAC key with its key schedule already done, so that each delivery only hashes itself. It is wiped when it is
/// dropped, and so is every state that is made from it.
pub(super) struct HmacKey(Hmac<Sha256>);

impl HmacKey {
    /// Prepares `key`; the caller has made sure that it is not empty.
    pub(super) fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// Starts the MAC of one delivery: over `id.timestamp.`, with the body to follow.
    pub(super) fn start(&self, id: &[u8], timestamp: &[u8]) -> HmacState {
        #[cfg(test)]
        tests::STARTED.with(|started| started.set(started.get() + 1));
        let mut state = HmacState(self.0.clone());
        for part in [id, b".", timestamp, b"."] {
            state.update(part);
        }
        state
    }
}

/// The MAC of a delivery whose body is still arriving.
pub(super) struct HmacState(Hmac<Sha256>);

impl HmacState {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The MAC in base64, as Svix and Standard Webhooks write it.
    pub(super) fn tag(&self) -> Tag<BASE64_LEN> {
        let mut text = [0; BASE64_LEN];
        let written = STANDARD.encode_slice(self.0.clone().finalize().as_bytes(), &mut text);
        debug_assert_eq!(written, Ok(BASE64_LEN));
        Tag(text)
    }

    /// The MAC in lower-case hexadecimal digits.
    pub(super) fn hex_tag(&self) -> Tag<HEX_LEN> {
        let mut text = [0; HEX_LEN];
        for (pair, byte) in text
            .chunks_exact_mut(2)
            .zip(self.0.clone().finalize().as_bytes())
        {
            let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
        }
        Tag(text)
    }
}

/// A finished MAC, as the text that a genuine signature reads.
///
/// Comparing text with text needs no decoder, and is strict by construction: each MAC has exactly one such text.
pub(super) struct Tag<const LEN: usize>([u8; LEN]);

impl<const LEN: usize> Tag<LEN> {
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

    fn matches(&self, signature: &[u8; LEN]) -> Choice {
        // Word by word, since `subtle` guards each comparison, and there would be four times as many bytes.
        words(&self.0)
            .zip(words(signature))
            .fold(Choice::from(1), |same, (a, b)| same & a.ct_eq(&b))
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("base64 and hexadecimal digits are ASCII")
    }
}

impl<const LEN: usize> Drop for Tag<LEN> {
    /// The right signature of a forged delivery must not stay behind in memory.
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

fn words(text: &[u8]) -> impl Iterator<Item = u32> {
    let (words, rest) = text.as_chunks();
    debug_assert!(rest.is_empty(), "all texts of a MAC are whole words long");
    words.iter().copied().map(u32::from_ne_bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    thread_local! {
        /// How many MACs this thread has started, for tests of what a delivery costs.
        pub(in super::super) static STARTED: Cell<usize> = const { Cell::new(0) };
    }
}
