//! Escaping of untrusted texts before they are printed.

use std::fmt::Write as _;

/// Escapes characters that control a terminal or are not visible, so that an untrusted text stays within its line.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // `escape_debug` escapes these, too, although they are visible.
            '"' | '\'' | '\\' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    shown
}

/// Does the same for bytes. Those that are not UTF-8 are shown as `\xff`.
pub fn printable_bytes(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        shown.push_str(&printable(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// Replaces possible URLs and parts of them. The URL of a large result has a signature, with which anyone can download
/// it.
pub fn without_urls(text: &str) -> String {
    // JSON may escape slashes.
    let text = text.replace("\\/", "/");
    let words = text.split_inclusive(char::is_whitespace);
    words
        .map(|word| {
            let may_be_url = word.contains("://") || word.contains(['=', '%', '&']);
            if may_be_url { "[hidden] " } else { word }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_elsewhere_cannot_steer_the_terminal() {
        for (name, text, shown) in [
            ("an escape sequence", "a\x1b[2Jb", "a\\u{1b}[2Jb"),
            ("a new line", "a\nb", "a\\nb"),
            ("a C1 control", "a\u{9b}b", "a\\u{9b}b"),
            ("a line separator", "a\u{2028}b", "a\\u{2028}b"),
            ("a paragraph separator", "a\u{2029}b", "a\\u{2029}b"),
            ("text turned round", "a\u{202e}b", "a\\u{202e}b"),
            ("a tag", "a\u{e0041}b", "a\\u{e0041}b"),
            ("letters of any script", "é 日本", "é 日本"),
        ] {
            assert_eq!(printable(text), shown, "{name}");
        }
    }

    #[test]
    fn a_url_is_hidden_however_it_is_written() {
        for text in [
            "https://store.test/r?signature=s3cret",
            "https:\\/\\/store.test\\/r?signature=s3cret",
            "https%3A%2F%2Fstore.test%2Fr%3Fsignature%3Ds3cret",
            "/r?signature=s3cret",
        ] {
            let shown = without_urls(&format!("no access to {text} today"));
            assert_eq!(shown, "no access to [hidden] today", "{text}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_shown() {
        assert_eq!(printable_bytes(b"a\xffb\x1b"), "a\\xffb\\u{1b}");
    }
}
