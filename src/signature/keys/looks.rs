//! Recognises common mistakes in the text of a key, so that the error can say what to do.
//!
//! A random key must never look like one of these mistakes. Each is a text that base64 cannot be, or almost never is.
//! The most likely accident is a key of 16 bytes, without prefix and padding, that consists of [hexadecimal
//! digits](is_hex) only. Its chance is one in 10¹⁰, and one in 10¹⁵ for the 24 bytes that the standard asks for.

use super::error::KeyError;
use super::text::{KeyText, Role, has_invisible, parts, version_len};

/// Returns the most likely mistake in a text whose base64 cannot be decoded.
pub(super) fn diagnose(key: &KeyText<'_>) -> KeyError {
    let KeyText {
        whole,
        base64,
        role,
    } = *key;
    let is_bare = role == Role::Bare;
    if let Some(error) = wrapping(whole) {
        error
    } else if is_placeholder(base64) || is_abridged(base64) {
        KeyError::Placeholder
    } else if has_misspelled_prefix(base64) {
        KeyError::MisspelledPrefix
    } else if is_list(whole) {
        KeyError::List
    } else if has_invisible(whole) {
        KeyError::Invisible
    } else if is_bare && is_hex(base64) {
        KeyError::HexDigits
    } else if is_bare && has_foreign_prefix(base64) {
        KeyError::ForeignPrefix
    } else if base64.contains(['-', '_']) && consists_of(base64, b"-_") {
        KeyError::UrlSafe
    } else if consists_of(base64, b"+/") && base64.trim_end_matches('=').len() % 4 == 1 {
        KeyError::Incomplete
    } else {
        KeyError::NotBase64
    }
}

/// Returns the most likely mistake in a text without a prefix, where an ed25519 key is needed.
#[cfg(feature = "ed25519")]
pub(super) fn diagnose_secret(key: &KeyText<'_>) -> KeyError {
    if key.whole.is_empty() {
        return KeyError::Empty;
    }
    match diagnose(key) {
        error @ (KeyError::Assignment
        | KeyError::Bearer
        | KeyError::Invisible
        | KeyError::List
        | KeyError::MisspelledPrefix
        | KeyError::Placeholder
        | KeyError::Quoted) => error,
        _ => KeyError::Secret,
    }
}

/// Returns the most likely mistake in a text without a prefix that is one of several keys.
pub(super) fn diagnose_one_of_several(key: &KeyText<'_>) -> KeyError {
    match diagnose(key) {
        KeyError::HexDigits | KeyError::Incomplete | KeyError::NotBase64 | KeyError::UrlSafe => {
            KeyError::NoPrefix
        }
        error => error,
    }
}

/// Returns the mistake if something was copied along with the key.
pub(super) fn wrapping(text: &str) -> Option<KeyError> {
    const QUOTES: [char; 8] = ['"', '\'', '`', '“', '”', '„', '‘', '’'];
    if is_assignment(strip_prefix(text, "export ").map_or(text, str::trim_start)) {
        Some(KeyError::Assignment)
    } else if ["authorization:", "bearer "]
        .iter()
        .any(|start| strip_prefix(text, start).is_some())
    {
        Some(KeyError::Bearer)
    } else if text.starts_with(QUOTES) || text.ends_with(QUOTES) {
        Some(KeyError::Quoted)
    } else {
        None
    }
}

/// Whether a text is `NAME=…` or `name: …`. In base64, nothing but `=` follows a `=`, and there is no `:`.
fn is_assignment(text: &str) -> bool {
    let Some((name, value)) = text.split_once(['=', ':']) else {
        return false;
    };
    let name = name.trim_end();
    let value = value.trim_start_matches([' ', '"', '\'']);
    let is_identifier = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    // This makes no copy of the name, which may be a secret.
    let is_variable = !name.contains(|letter: char| letter.is_ascii_lowercase())
        && ["_", "KEY", "SECRET"]
            .iter()
            .any(|word| name.contains(word));
    let has_key = KeyText::read(value).role != Role::Bare;
    let has_value = !value.trim_matches(['=', ',', '|', ' ']).is_empty();
    is_identifier && after_prefix(name).is_none() && (has_key || is_variable && has_value)
}

/// Whether a text is a placeholder for a key: `test`, `xxxxxxxx`, `your_webhook_secret_here`, `null`, `…`.
pub(super) fn is_placeholder(text: &str) -> bool {
    let text = text.trim_end_matches('=');
    let mut characters = text.chars();
    let Some(first) = characters.next() else {
        return false;
    };
    let is_repeated =
        (text.len() >= 3) && characters.all(|other| other.eq_ignore_ascii_case(&first));
    is_repeated || is_made_of_words(text)
}

/// Whether a text consists only of words of placeholders.
fn is_made_of_words(text: &str) -> bool {
    // No word begins with another, so that a text can be split into them in only one way.
    const WORDS: [&str; 35] = [
        "change",
        "dashboard",
        "default",
        "demo",
        "dummy",
        "endpoint",
        "example",
        "fake",
        "from",
        "here",
        "insert",
        "key",
        "me",
        "my",
        "nil",
        "none",
        "null",
        "paste",
        "placeholder",
        "portal",
        "replace",
        "sample",
        "secret",
        "sign",
        "svix",
        "test",
        "the",
        "this",
        "todo",
        "token",
        "undefined",
        "webhook",
        "whsec",
        "with",
        "your",
    ];
    // "ing" is the rest of "signing" and "testing".
    const BETWEEN: [&str; 12] = ["_", "-", ".", " ", "<", ">", "[", "]", "{", "}", "$", "ing"];
    let mut rest = text;
    let mut has_word = false;
    while !rest.is_empty() {
        if let Some(after) = BETWEEN.iter().find_map(|other| strip_prefix(rest, other)) {
            rest = after;
        } else if let Some(after) = WORDS.iter().find_map(|word| strip_prefix(rest, word)) {
            rest = after;
            has_word = true;
        } else {
            return false;
        }
    }
    has_word
}

/// Whether the end of a key is left out or masked, as portals show keys to users who may not see them.
fn is_abridged(text: &str) -> bool {
    text.ends_with("...") || text.ends_with(['…', '*', '•'])
}

/// Whether a text has a misspelled prefix: `WHSEC_…`, `whsec-…`, or, after a correct prefix, another one
/// (`whsec_whsec_…`).
fn has_misspelled_prefix(base64: &str) -> bool {
    let unversioned = ["v1,", "v1a,"]
        .iter()
        .find_map(|version| strip_prefix(base64, version))
        .unwrap_or(base64);
    after_prefix(unversioned).is_some_and(|rest| rest.starts_with(['_', '-', ':', '.', ' ']))
}

/// Returns what follows the letters of a prefix in upper or lower case.
fn after_prefix(text: &str) -> Option<&str> {
    ["whsec", "whpk", "whsk"]
        .iter()
        .find_map(|letters| strip_prefix(text, letters))
}

/// Whether a text is several keys, or one key with a separator beside it.
fn is_list(text: &str) -> bool {
    let is_key = |part: &&str| KeyText::read(part).role != Role::Bare;
    let unversioned = &text[version_len(text)..];
    let is_signature = unversioned.starts_with("v1,") || unversioned.starts_with("v1a,");
    parts(text).filter(is_key).count() > 1
        || !is_signature && unversioned.contains([',', '|']) && parts(text).next().is_some()
}

/// Returns why a text cannot be used as a key itself, or `None` if it can.
pub(super) fn is_no_text_key(text: &str) -> Option<KeyError> {
    if let Some(error) = wrapping(text) {
        Some(error)
    } else if text.contains(['\n', '\r']) || has_two_with_one_prefix(text) {
        Some(KeyError::List)
    } else if has_invisible(text) {
        Some(KeyError::Invisible)
    } else {
        None
    }
}

/// Whether two parts of a text begin alike, up to a `-` or `_`, as the keys of one sender do.
fn has_two_with_one_prefix(text: &str) -> bool {
    parts(text).enumerate().any(|(index, part)| {
        prefix(part).is_some_and(|of_part| {
            let mut before = parts(text).take(index);
            before.any(|other| prefix(other) == Some(of_part))
        })
    })
}

/// Returns the beginning of a text, up to and including its first `-` or `_`.
fn prefix(text: &str) -> Option<&str> {
    let text = &text[version_len(text)..];
    let end = text.find(['-', '_']).filter(|end| *end > 0)?;
    Some(&text[..=end])
}

/// Whether a text consists of hexadecimal digits, and is too long for a word.
pub(super) fn is_hex(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a text starts with a word of small letters and a separator, as `polar_whs_…` and `aha-whsec-…` do.
fn has_foreign_prefix(text: &str) -> bool {
    let word = text.bytes().take_while(u8::is_ascii_lowercase).count();
    (2..=12).contains(&word) && text[word..].starts_with(['_', '-']) && consists_of(text, b"+/-_.")
}

/// Whether a text consists of ASCII letters, digits and `others`, apart from the padding at its end.
fn consists_of(text: &str, others: &[u8]) -> bool {
    text.trim_end_matches('=')
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
}

/// Removes an ASCII prefix in upper or lower case from a text.
fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}
