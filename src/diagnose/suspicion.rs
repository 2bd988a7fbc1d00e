//! What is suspicious, but not necessarily the cause.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use super::finding::Finding;

/// Returns what is suspicious about the delivery's headers and body.
pub(super) fn of_delivery(headers: &HeaderMap, body: &[u8]) -> Vec<Finding> {
    let mut suspicions = Vec::new();
    let encodings = headers.get_all(CONTENT_ENCODING).iter();
    if encodings
        .filter_map(|value| value.to_str().ok())
        .any(|value| !value.trim().eq_ignore_ascii_case("identity"))
    {
        suspicions.push(Finding::new(
            "content-encoding",
            "The delivery has a `content-encoding`: the body that was signed may be the compressed one or the plain one.",
            "If the sender signs what it then compresses, decompress outside of the layer that verifies; if it signs what it has \
             compressed, decompress inside.",
        ));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| {
        let text = value.to_str().ok()?;
        text.trim().parse::<usize>().ok()
    });
    if let Some(length) = length.filter(|length| *length != body.len()) {
        suspicions.push(Finding::new(
            "content-length",
            format!(
                "The `content-length` is {length}, and the body has {} bytes: it is not the one that was sent.",
                body.len()
            ),
            "Look for what changed the body after it arrived, or for what cut it.",
        ));
    }
    if str::from_utf8(body).is_ok_and(|text| text.contains('\u{fffd}')) {
        suspicions.push(Finding::new(
            "replacement-characters",
            "The body holds U+FFFD, which stands for bytes that were no text: something decoded the body, and those bytes are \
             lost.",
            "Verify the bytes as they arrive.",
        ));
    }
    suspicions
}

/// Returns the suspicion if the text of the keys looks like a placeholder from documentation.
pub(super) fn placeholder(keys: &str) -> Option<Finding> {
    const WORDS: [&str; 12] = [
        "changeme",
        "change_me",
        "change-me",
        "dummy",
        "example",
        "placeholder",
        "replace",
        "secret",
        "todo",
        "webhook",
        "xxxx",
        "your",
    ];
    let text = keys.trim().to_ascii_lowercase();
    let text = text.strip_prefix("whsec_").unwrap_or(&text);
    let is_dots = text.contains("...") || text.contains('…') || text.contains('*');
    let is_bracketed = text.starts_with(['<', '$', '{']);
    let is_repeated = text.len() > 2 && text.chars().all(|character| text.starts_with(character));
    // About one in 50,000 random secrets of 32 letters and digits contains a given word of four letters.
    let is_placeholder = is_dots
        || is_bracketed
        || is_repeated
        || WORDS
            .iter()
            .any(|word| text.contains(word) && is_word(text));
    is_placeholder.then(|| {
        Finding::new(
            "key-placeholder",
            "The text of the key looks like a placeholder of documentation, and not like a secret.",
            "Put the endpoint's signing secret there, as the sender's portal shows it, and look whether the program reads the \
             variable that it should.",
        )
    })
}

/// Returns whether a text has few digits, as words have, in contrast to a random key.
fn is_word(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits * 8 <= text.len()
}
