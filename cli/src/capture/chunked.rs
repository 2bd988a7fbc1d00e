//! Chunked bodies, which HTTP/1.1 uses if the length is not known.

use bytes::Bytes;

use super::http::next_line;

/// Decodes the chunks, or returns `None` if the body is not chunked.
pub(super) fn decode(chunked: &Bytes) -> Option<Bytes> {
    let mut rest = chunked.clone();
    let mut body = Vec::new();
    loop {
        let line = next_line(&mut rest)?;
        let size = str::from_utf8(&line).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body.into());
        }
        if size > rest.len() {
            return None;
        }
        body.extend_from_slice(&rest.split_to(size));
        if !next_line(&mut rest)?.is_empty() {
            return None;
        }
    }
}
