//! Bodies that arrive compressed.

use std::io::Read;

/// The maximum decompressed length of a body, in bytes: 8 MiB. A longer body is ignored, because it may be a bomb.
const MAX_LEN: usize = 8 * 1024 * 1024;

/// Returns the decompressed forms of the body, with the names of the encodings, if it is compressed.
pub(super) fn decompressions(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut found = Vec::new();
    // These two decoders check the first bytes.
    add(&mut found, "gzip", flate2::read::MultiGzDecoder::new(body));
    add(&mut found, "deflate", flate2::read::ZlibDecoder::new(body));
    // Raw deflate and br cannot be recognised by their bytes, but neither of them is text.
    if found.is_empty() && str::from_utf8(body).is_err() {
        add(
            &mut found,
            "deflate",
            flate2::read::DeflateDecoder::new(body),
        );
        add(
            &mut found,
            "br",
            brotli_decompressor::Decompressor::new(body, 4096),
        );
    }
    found
}

fn add(found: &mut Vec<(&'static str, Vec<u8>)>, name: &'static str, decoder: impl Read) {
    let mut plain = Vec::new();
    let limit = u64::try_from(MAX_LEN).unwrap_or(u64::MAX) + 1;
    if decoder.take(limit).read_to_end(&mut plain).is_ok() && plain.len() <= MAX_LEN {
        found.push((name, plain));
    }
}
