//! The length of a body before it has arrived.

use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::Body;

/// The length in bytes that a request claims for its body, or 0 if it claims none.
///
/// A body from the network knows its length only as the header tells it; one that was put together does without.
pub(crate) fn claimed_len(headers: &HeaderMap, body: &impl Body) -> u64 {
    let lower = body.size_hint().lower();
    lower.max(content_length(headers).unwrap_or(0))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(CONTENT_LENGTH)?.as_bytes();
    // HTTP allows digits only (RFC 9110, section 8.6). The parser of the standard library takes a sign too.
    text.iter().try_fold(0_u64, |length, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })
}
