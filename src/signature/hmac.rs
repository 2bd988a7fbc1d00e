//! HMAC-SHA256, the only MAC of the crate: version `v1` of the scheme.

use hmac::{HmacReset, KeyInit as _, Mac as _, digest::FixedOutputReset as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

/// The version of an HMAC-SHA256 in a list of signatures.
pub(super) const VERSION: &str = "v1";

/// Characters in the base64 text of a MAC, padding included.
const BASE64_LEN: usize = 44;
/// Characters in the hexadecimal text of a MAC.
const HEX_LEN: usize = 64;

/// An HMAC key whose key schedule is already computed, so that a delivery costs only its own hashing. It is wiped when
/// it is dropped, and so is every state that is made from it.
pub(crate) struct HmacKey(HmacReset<Sha256>);

impl HmacKey {
    /// Computes the key schedule of `key`. The caller ensures that the key is neither empty nor all zero.
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(HmacReset::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// Starts the MAC of one delivery.
    #[inline]
    pub(super) fn start(&self) -> HmacState {
        #[cfg(test)]
        tests::STARTED.with(|started| started.set(started.get() + 1));
        HmacState(self.0.clone())
    }

    /// Returns the MAC of any message, given in parts.
    #[cfg(feature = "diagnose")]
    pub(crate) fn mac(&self, message: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut state = self.start();
        for part in message {
            state.update(part);
        }
        state.finish()
    }
}

/// The MAC of a delivery that is still arriving.
pub(super) struct HmacState(HmacReset<Sha256>);

impl HmacState {
    #[inline]
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the MAC in base64, as Svix and Standard Webhooks write it. Call at most once.
    pub(super) fn base64_tag(&mut self) -> Tag<BASE64_LEN> {
        let mac = self.finish();
        let mut text = [b'='; BASE64_LEN];
        // Six bytes make eight characters. Each step reads eight bytes, and leaves the last two to the next step.
        for (index, eight) in text.as_chunks_mut().0.iter_mut().enumerate() {
            let read = mac[6 * index..]
                .first_chunk()
                .expect("30 bytes are five times six");
            *eight = base64(u64::from_be_bytes(*read) >> 16);
        }
        // The last two bytes make three characters, and the padding after them is already there.
        let read = mac.last_chunk().expect("there are 32");
        let last = base64((u64::from_be_bytes(*read) & 0xffff) << 32);
        text[40..43].copy_from_slice(&last[..3]);
        Tag(text)
    }

    /// Returns the MAC in lower-case hexadecimal digits. Call at most once.
    pub(super) fn hex_tag(&mut self) -> Tag<HEX_LEN> {
        let mut text = [0; HEX_LEN];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.finish().iter().copied()) {
            let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
        }
        Tag(text)
    }

    /// Returns the MAC. It does not consume the state, because a move would leave a copy behind. The state is wiped
    /// with its owner.
    fn finish(&mut self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.finalize_fixed_reset().into())
    }
}

/// A finished MAC, as the text of a valid signature.
///
/// Comparing texts needs no decoder, and is strict by construction: each MAC has exactly one such text.
pub(super) struct Tag<const LEN: usize>([u8; LEN]);

impl<const LEN: usize> Tag<LEN> {
    /// Whether one of `signatures` is this MAC.
    ///
    /// The time depends only on the number of signatures, not on which of them matches or where one differs.
    pub(super) fn is_one_of<'s>(&self, signatures: impl Iterator<Item = &'s [u8]>) -> bool {
        signatures
            .filter_map(|signature| signature.try_into().ok())
            .fold(0, |is_equal, signature| {
                is_equal | equal(signature, &self.0)
            })
            .ct_eq(&1)
            .into()
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("base64 and hexadecimal digits are ASCII")
    }
}

impl<const LEN: usize> Drop for Tag<LEN> {
    /// Wipes the text: the valid signature of a forged delivery must not stay in memory.
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Encodes 48 bits as eight characters of base64.
///
/// All characters are computed at once, each in one byte of a word, and without a table, so that the cache cannot
/// reveal them.
#[inline]
fn base64(bits: u64) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;

    // 24 bits in each half of the word, then 12 in each quarter, then 6 in each byte.
    let bits = (bits & 0xff_ffff) | ((bits & 0xffff_ff00_0000) << 8);
    let bits = (bits & 0x0000_0fff_0000_0fff) | ((bits & 0x00ff_f000_00ff_f000) << 4);
    let bits = (bits & 0x003f_003f_003f_003f) | ((bits & 0x0fc0_0fc0_0fc0_0fc0) << 2);
    // Returns 1 in each byte that is at least `value`. No byte carries into the next one.
    let at_least = |value: u64| ((bits + (0x80 - value) * EACH) >> 7) & EACH;
    // The alphabet is `A` to `Z`, `a` to `z`, `0` to `9`, `+` and `/`, in this order.
    let characters = bits + u64::from(b'A') * EACH + at_least(26) * 6 + at_least(63) * 3
        - at_least(52) * 75
        - at_least(62) * 15;
    characters.to_be_bytes()
}

/// Returns 1 if two texts are equal, otherwise 0, without a branch.
///
/// `subtle` hides its result from the compiler, and this takes as long as a comparison. It is therefore used only once
/// for a whole list, so that 1,000 elements cost 1.5 µs rather than 2.4.
fn equal<const LEN: usize>(a: &[u8; LEN], b: &[u8; LEN]) -> u64 {
    let difference = words(a)
        .zip(words(b))
        .fold(0, |bits, (a, b)| bits | (a ^ b));
    // The highest bit is set in a number other than 0 or in its negative.
    1 ^ ((difference | difference.wrapping_neg()) >> 63)
}

/// Returns the words of a text. The last word overlaps those before it, so that no byte is left over.
fn words<const LEN: usize>(text: &[u8; LEN]) -> impl Iterator<Item = u64> {
    const { assert!(LEN >= 8) };
    let words = text.as_chunks().0.iter().chain(text.last_chunk());
    words.copied().map(u64::from_ne_bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::base64;

    #[test]
    fn base64_is_that_of_the_crate_for_each_character_at_each_place() {
        for value in 0..64_u64 {
            for place in 0..8 {
                for others in [0, 0xffff_ffff_ffff] {
                    let place = 6 * place;
                    let bits = others & !(0x3f << place) | value << place;
                    let bytes: [u8; 6] = *bits.to_be_bytes().last_chunk().unwrap();
                    assert_eq!(base64(bits), *STANDARD.encode(bytes).as_bytes());
                }
            }
        }
    }

    thread_local! {
        /// How many MACs this thread has started, for tests of the cost of a delivery.
        pub(in super::super) static STARTED: Cell<usize> = const { Cell::new(0) };
    }
}
