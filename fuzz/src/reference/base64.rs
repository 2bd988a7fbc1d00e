//! Base64 in the standard alphabet ([RFC 4648]), bit by bit.
//!
//! [RFC 4648]: https://www.rfc-editor.org/rfc/rfc4648

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes with padding.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .chain([&0; 2])
            .take(3)
            .fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        for position in 0..4 {
            text.push(if position <= group.len() {
                char::from(ALPHABET[bits >> (18 - 6 * position) & 63])
            } else {
                '='
            });
        }
    }
    text
}

/// Decodes as a lenient decoder: some or all of the padding may be missing, and the last character may have unused
/// bits.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text
        .iter()
        .position(|byte| *byte == b'=')
        .unwrap_or(text.len());
    let (digits, padding) = text.split_at(digits);
    let allowed_padding = match digits.len() % 4 {
        0 => 0,
        2 => 2,
        3 => 1,
        _ => return None,
    };
    if padding.len() > allowed_padding || padding.iter().any(|byte| *byte != b'=') {
        return None;
    }
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits {
        let value = ALPHABET.iter().position(|other| other == digit)?;
        bits = bits << 6 | u32::try_from(value).expect("six bits");
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 255).expect("eight bits"));
        }
    }
    Some(bytes)
}

/// Decodes only what [`encode`] writes.
pub(super) fn decode_strictly(text: &[u8]) -> Option<Vec<u8>> {
    decode(text).filter(|bytes| encode(bytes).as_bytes() == text)
}
