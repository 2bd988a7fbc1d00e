//! The bytes of a key, decoded from its text.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::error::KeyError;
use super::looks;
use super::text::{KeyText, Role};

/// The minimum length of a secret that is read from a text, in bytes: 128 bits cannot be guessed.
///
/// Standard Webhooks asks for 24 bytes or more. A shorter text than this minimum is more likely a word, or half of a
/// secret, than a key. If it is a key, it can be passed as bytes.
pub(super) const MIN_SECRET_LEN: usize = 16;

/// Decodes the base64 of a key as leniently as the official libraries do: padding may be missing, and the last
/// character may carry unused bits. This is safe, because a key does not come from an attacker.
pub(super) fn decode(key: &KeyText<'_>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    // The buffer is wiped even if decoding fails half-way.
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(key.base64.len())]);
    let len = LENIENT
        .decode_slice(key.base64, &mut bytes)
        .map_err(|_| looks::diagnose(key))?;
    bytes.truncate(len);
    if bytes.is_empty() {
        Err(KeyError::Empty)
    } else {
        Ok(bytes)
    }
}

/// [Decodes](decode) a secret, and rejects what is base64 only by accident: words, hexadecimal digits, and short texts.
pub(super) fn decode_secret(key: &KeyText<'_>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let bytes = decode(key)?;
    if is_all_zero(&bytes) {
        Err(KeyError::AllZero)
    } else if looks::is_placeholder(key.base64) {
        Err(KeyError::Placeholder)
    } else if key.role == Role::Bare && looks::is_hex(key.base64) {
        Err(KeyError::HexDigits)
    } else if bytes.len() < MIN_SECRET_LEN {
        Err(KeyError::TooShort)
    } else {
        Ok(bytes)
    }
}

/// Whether all bytes are zero, so that anyone can sign with this key: HMAC fills short keys up with zeros, which makes
/// it the same as the empty key.
pub(super) fn is_all_zero(key: &[u8]) -> bool {
    key.iter().all(|byte| *byte == 0)
}
