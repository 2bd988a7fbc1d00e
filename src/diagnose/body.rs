//! The bodies that the sender may have signed instead of the one that arrived.

use std::ops::ControlFlow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::compression::decompressions;
use super::finding::{Finding, TryBody};
use super::reprint;

/// Calls `try_body` with each body that may have been signed, and the finding if it was, until `try_body` breaks.
pub(super) fn candidates(body: &[u8], try_body: &mut TryBody<'_>) -> ControlFlow<()> {
    newlines(body, try_body)?;
    byte_order_mark(body, try_body)?;
    for (encoding, plain) in decompressions(body) {
        try_body(&plain, &|| compressed(encoding))?;
    }
    if let Some(decoded) = from_base64(body) {
        try_body(&decoded, &base64_encoded)?;
        for (_, plain) in decompressions(&decoded) {
            try_body(&plain, &base64_encoded)?;
        }
    }
    replaced(body, try_body)?;
    reprint::candidates(body, try_body)
}

const RAW_BODY: &str = "Verify the bytes as they arrive, before anything changes them.";

fn newlines(body: &[u8], try_body: &mut TryBody<'_>) -> ControlFlow<()> {
    let added = || {
        Finding::new(
            "body-newline-added",
            "The delivery verifies without the newline at the end of the body: it was added after the body was signed.",
            "Verify the bytes as they arrive. If the body was saved to a file, let the editor add no newline.",
        )
    };
    for newline in [&b"\r\n"[..], b"\n"] {
        if let Some(body) = body.strip_suffix(newline) {
            try_body(body, &added)?;
        }
    }
    let removed = || {
        Finding::new(
            "body-newline-removed",
            "The delivery verifies with a newline at the end of the body: it was removed after the body was signed.",
            "Verify the bytes as they arrive. If the body comes from a shell, `$(…)` and `-d @file` of curl remove newlines: \
             use `--data-binary`.",
        )
    };
    for newline in [&b"\n"[..], b"\r\n"] {
        try_body(&[body, newline].concat(), &removed)?;
    }

    let to_lf = replace(body, b"\r\n", b"\n");
    if to_lf != body {
        try_body(&to_lf, &|| {
            Finding::new(
                "body-crlf",
                "The delivery verifies with lines that end with LF: they end with CRLF in the body.",
                RAW_BODY,
            )
        })?;
    }
    let to_crlf = replace(&to_lf, b"\n", b"\r\n");
    if to_crlf != body {
        try_body(&to_crlf, &|| {
            Finding::new(
                "body-lf",
                "The delivery verifies with lines that end with CRLF: they end with LF in the body.",
                RAW_BODY,
            )
        })?;
    }
    ControlFlow::Continue(())
}

fn byte_order_mark(body: &[u8], try_body: &mut TryBody<'_>) -> ControlFlow<()> {
    const BOM: &[u8] = b"\xef\xbb\xbf";
    if let Some(body) = body.strip_prefix(BOM) {
        return try_body(body, &|| {
            Finding::new(
                "body-bom-added",
                "The delivery verifies without the byte order mark at the start of the body.",
                "Look for what added it, such as an editor or a text writer of .NET.",
            )
        });
    }
    try_body(&[BOM, body].concat(), &|| {
        Finding::new(
            "body-bom-removed",
            "The delivery verifies with a byte order mark at the start of the body: it was removed after the body was signed.",
            RAW_BODY,
        )
    })
}

fn compressed(encoding: &'static str) -> Finding {
    Finding::new(
        "body-compressed",
        format!(
            "The delivery verifies once the body is decompressed ({encoding}): the sender compressed it after it had signed it."
        ),
        "Decompress the body outside of the layer that verifies.",
    )
}

fn base64_encoded() -> Finding {
    Finding::new(
        "body-base64",
        "The delivery verifies once the body is decoded from base64: something encoded it on its way.",
        "Decode the body before it is verified: AWS API Gateway and load balancers pass bodies on in base64, and set \
         `isBase64Encoded`.",
    )
}

/// Decodes the body from base64, with or without the quotes of JSON.
fn from_base64(body: &[u8]) -> Option<Vec<u8>> {
    let text = body.trim_ascii();
    let quoted = text
        .strip_prefix(b"\"")
        .and_then(|text| text.strip_suffix(b"\""));
    let text = quoted.unwrap_or(text);
    let decoded = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text));
    decoded.ok().filter(|decoded| !decoded.is_empty())
}

fn replaced(body: &[u8], try_body: &mut TryBody<'_>) -> ControlFlow<()> {
    const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
    /// The longest body, in bytes, in which each byte is tried that one U+FFFD may have replaced.
    const MAX_LEN: usize = 64 * 1024;

    let finding = |sentence| {
        Finding::new(
            "body-utf8-replaced",
            sentence,
            "Sign and verify bytes, and never a text that was decoded from them.",
        )
    };
    let text = String::from_utf8_lossy(body);
    if text.as_bytes() != body {
        return try_body(text.as_bytes(), &|| {
            finding(
                "The delivery verifies once bytes that are not UTF-8 are replaced by U+FFFD: the sender signed a text, and sent \
                 other bytes.",
            )
        });
    }
    let mut parts = body
        .windows(REPLACEMENT.len())
        .enumerate()
        .filter(|(_, window)| *window == REPLACEMENT);
    if let (Some((at, _)), None) = (parts.next(), parts.next())
        && body.len() <= MAX_LEN
    {
        for byte in 0x80..=0xff {
            let original = [&body[..at], &[byte], &body[at + REPLACEMENT.len()..]].concat();
            try_body(&original, &|| {
                finding(
                    "The delivery verifies with another byte in place of U+FFFD: something decoded the body as text on its way.",
                )
            })?;
        }
    }
    ControlFlow::Continue(())
}

fn replace(body: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.windows(old.len()).position(|window| window == old) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}
