//! The bytes of a key, out of its text.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::error::KeyError;
use super::looks;
use super::text::{KeyText, Role};

/// Bytes in the shortest secret that is read from a text: 128 bits, with which guessing is hopeless.
///
/// Standard Webhooks asks for 24 bytes, and senders that follow it have more. A text of less is more likely a word, or half
/// of a secret, than a key; one that is a key after all can be given as bytes.
pub(super) const MIN_SECRET_LEN: usize = 16;

/// Decodes the base64 of a key as leniently as the official libraries do: padding may be missing, and the last character
/// may carry unused bits. A key is not attacker input, and this one is what the sender uses.
pub(super) fn decode(key: &KeyText<'_>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    // Into a buffer that is wiped, even if what is decoded up to an error is thrown away.
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

/// [Decodes](decode) a secret, and rejects what is base64 by accident: words, digits, and what is too short.
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

/// Whether everyone can sign with this key: HMAC fills a short key up with zeros, so that such a one is the empty key.
pub(super) fn is_all_zero(key: &[u8]) -> bool {
    key.iter().all(|byte| *byte == 0)
}
