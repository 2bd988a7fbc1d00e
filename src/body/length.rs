//! The claimed length of a body that has not arrived yet.

use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::Body;

/// Returns the length that a request claims for its body, in bytes, or 0 if it claims none.
///
/// Either the body itself knows its length, as one in memory does, or the header tells it.
pub(crate) fn claimed_len(headers: &HeaderMap, body: &impl Body) -> u64 {
    let lower = body.size_hint().lower();
    lower.max(content_length(headers).unwrap_or(0))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(CONTENT_LENGTH)?.as_bytes();
    // HTTP allows only digits (RFC 9110, section 8.6). The parser of the standard library also accepts a sign.
    text.iter().try_fold(0_u64, |length, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })
}
