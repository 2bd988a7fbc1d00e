//! Bodies that arrive compressed.

use std::io::Read;

/// The most bytes that a body is decompressed to: 8 MiB. A longer one is left alone, for it may be a bomb.
const MAX_LEN: usize = 8 * 1024 * 1024;

/// What the body is, if it was compressed, with the name of the encoding.
pub(super) fn decompressions(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut found = Vec::new();
    match body {
        [0x1f, 0x8b, ..] => add(&mut found, "gzip", flate2::read::MultiGzDecoder::new(body)),
        // The first two bytes of zlib are a multiple of 31.
        [first, second, ..]
            if first & 0xf == 8
                && (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31) =>
        {
            add(&mut found, "deflate", flate2::read::ZlibDecoder::new(body));
        }
        _ => {}
    }
    // Neither raw deflate nor br can be told from other bytes. Text is neither.
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
