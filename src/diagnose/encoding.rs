//! The encodings of keys and signatures, and those that are used by mistake.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Decodes base64, with padding or without.
pub(super) fn decode(text: &str, is_url_safe: bool) -> Option<Zeroizing<Vec<u8>>> {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if is_url_safe { &URL_SAFE } else { &STANDARD };
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let len = GeneralPurpose::new(alphabet, CONFIG)
        .decode_slice(text, &mut bytes)
        .ok()?;
    bytes.truncate(len);
    Some(bytes)
}

/// Decodes base64 like `Buffer.from` of Node, which accepts both alphabets, and drops incomplete digits at the end.
pub(super) fn decode_as_node(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = Zeroizing::new(text.replace('+', "-").replace('/', "_"));
    let digits = text.trim_end_matches('=');
    let len = digits.len() - usize::from(digits.len() % 4 == 1);
    decode(digits.get(..len)?, true)
}

/// Decodes decoded bytes once more, with or without the prefix `whsec_`.
pub(super) fn decode_again(decoded: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = str::from_utf8(decoded).ok()?.trim();
    decode(text.strip_prefix("whsec_").unwrap_or(text), false)
}

/// Decodes hexadecimal digits, in upper or lower case.
pub(super) fn hex(digits: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| u8::try_from(value(pair[0])? << 4 | value(pair[1])?).ok();
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
    for pair in digits.chunks_exact(2) {
        bytes.push(byte(pair)?);
    }
    Some(bytes)
}
