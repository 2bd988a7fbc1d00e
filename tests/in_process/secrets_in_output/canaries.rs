//! The secrets, and the search for them.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::Signer as _;
use tower_svix_tests::sender::Sender;

/// The key of the sender, and of the receiver.
pub(crate) const HMAC_KEY: &[u8; 32] = b"q7Vd2Xk9LzR4tYw8NbJ5cFh1PmGs6UaE";
/// A key that is the text itself.
pub(crate) const TEXT_KEY: &str = "k3Zp8WvB6nTq1DxM9rGj4HyL7sCf2AuK";
pub(crate) const ED25519_SEED: &[u8; 32] = b"Y8hNw3QpT6vKz1RbX9mLd4GsJ7cFf2Ua";
/// The MAC that the sender lists instead of the right one.
pub(crate) const WRONG_MAC: &[u8; 32] = b"T5jLx8GvP2dRk7QnW4zBm1YcH9sFt6Ae";
/// The value of a header that this crate does not read.
pub(crate) const COOKIE: &str = "V6bHn2KwZ9pXs4DrL8tCq1MyG7jFf3Ue";
/// A text in the body, signed or not.
pub(crate) const BODY_TEXT: &str = "R9kXw4TnC7vBh2PzL5mQj8DsY1gGf6Ua";
/// The id of a delivery that was not verified.
pub(crate) const UNVERIFIED_ID: &str = "J4wQd9TzN6kVb1XrP7hLm3CsY8gFt2Ae";

pub(crate) const ID: &str = "msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa";
pub(crate) const NOW: u64 = 1_700_000_000;

pub(crate) fn hmac_text() -> String {
    format!("whsec_{}", STANDARD.encode(HMAC_KEY))
}

pub(crate) fn private_text() -> String {
    let key = ed25519_dalek::SigningKey::from_bytes(ED25519_SEED);
    format!("whsk_{}", STANDARD.encode(key.to_keypair_bytes()))
}

pub(crate) fn public_text() -> String {
    let key = ed25519_dalek::SigningKey::from_bytes(ED25519_SEED);
    format!("whpk_{}", STANDARD.encode(key.verifying_key()))
}

pub(crate) fn wrong_signature() -> String {
    format!("v1,{}", STANDARD.encode(WRONG_MAC))
}

/// The body of all deliveries. It is an event of Pulse, whose job failed.
pub(crate) fn body() -> String {
    format!(
        r#"{{"type":"job.failed","timestamp":"2023-11-14T22:13:20Z","data":{{"job_id":"1","error":"{BODY_TEXT}","count":"{BODY_TEXT}"}}}}"#
    )
}

/// Returns the valid signature of the body, which a forger wants to know.
pub(crate) fn right_signature(id: &str) -> String {
    let sender = Sender::with_key(*HMAC_KEY);
    sender.sign(id.as_bytes(), NOW.to_string().as_bytes(), body().as_bytes())
}

fn right_ed25519_signature(id: &str) -> [u8; 64] {
    let key = ed25519_dalek::SigningKey::from_bytes(ED25519_SEED);
    key.sign(format!("{id}.{NOW}.{}", body()).as_bytes())
        .to_bytes()
}

/// Returns each secret with its name.
fn canaries() -> Vec<(&'static str, Vec<u8>)> {
    let mac = |id| {
        STANDARD
            .decode(&right_signature(id)["v1,".len()..])
            .unwrap()
    };
    vec![
        ("the HMAC key", HMAC_KEY.to_vec()),
        ("the key that is a text", TEXT_KEY.into()),
        ("the private key", ED25519_SEED.to_vec()),
        ("the listed signature", WRONG_MAC.to_vec()),
        ("the right signature", mac(ID)),
        ("the right signature of another id", mac(UNVERIFIED_ID)),
        (
            "the right v1a signature",
            right_ed25519_signature(ID).into(),
        ),
        ("the body", BODY_TEXT.into()),
        ("a header", COOKIE.into()),
        ("the id that is not verified", UNVERIFIED_ID.into()),
    ]
}

/// How many characters of a secret in a row are too many: few enough to find a secret that was cut short, and too many
/// for a coincidence.
const WINDOW: usize = 12;

/// Asserts that `output` shows no secret in any form.
#[track_caller]
pub(crate) fn assert_silent(place: &str, output: &str) {
    if let Some(found) = find(output) {
        panic!("{place} shows {found}: {output}");
    }
}

/// Returns the first secret that `output` shows, with its form.
fn find(output: &str) -> Option<String> {
    let output = normal(output);
    for (name, bytes) in canaries() {
        for (form, written) in forms(&bytes) {
            let written = normal(&written);
            let mut windows = written.as_bytes().windows(WINDOW);
            if windows.any(|window| output.contains(str::from_utf8(window).unwrap())) {
                return Some(format!("{name} in {form}"));
            }
        }
    }
    None
}

/// Returns the forms in which bytes are written.
fn forms(bytes: &[u8]) -> [(&'static str, String); 4] {
    let (mut hex, mut decimal) = (String::new(), String::new());
    for byte in bytes {
        write!(hex, "{byte:02x}").unwrap();
        write!(decimal, "{byte}").unwrap();
    }
    [
        ("text", bytes.escape_ascii().to_string()),
        ("base64", STANDARD.encode(bytes)),
        ("hexadecimal digits", hex),
        ("decimal numbers", decimal),
    ]
}

/// Makes different forms of the same bytes equal: `[0x1a, 0xA2]` and `1AA2`, both alphabets of base64, and lists on one
/// line or on many.
fn normal(output: &str) -> String {
    output
        .replace([',', ' ', '\n'], "")
        .replace("0x", "")
        .replace("\\x", "")
        .replace('-', "+")
        .replace('_', "/")
        .to_ascii_lowercase()
}

/// Otherwise, an empty result would prove nothing.
#[test]
fn a_secret_is_found_in_any_form_and_in_part() {
    for (name, bytes) in canaries() {
        let part = &bytes[bytes.len() / 2..];
        for shown in [
            bytes.escape_ascii().to_string(),
            STANDARD.encode(&bytes),
            URL_SAFE_NO_PAD.encode(&bytes),
            format!("{bytes:?}"),
            format!("{bytes:#?}"),
            format!("{bytes:02x?}"),
            format!("{bytes:02X?}"),
            format!("{bytes:#04x?}"),
            format!("{:?}", bytes::Bytes::from(bytes.clone())),
            format!("{:X}", bytes::Bytes::from(bytes.clone())),
            format!("{part:?}"),
            part.escape_ascii().to_string(),
        ] {
            let found = find(&format!("Key {{ bytes: {shown} }}"));
            let found = found.unwrap_or_else(|| panic!("{name} is not found in {shown}"));
            assert!(found.starts_with(name), "{name} is taken for {found}");
        }
    }
    for text in [
        hmac_text(),
        private_text(),
        wrong_signature(),
        right_signature(ID),
        body(),
    ] {
        assert!(find(&text).is_some(), "{text}");
    }
}

#[test]
fn what_is_public_is_not_taken_for_a_secret() {
    for public in [
        "",
        ID,
        &public_text(),
        &format!("{NOW} job.failed 2023-11-14T22:13:20Z"),
        "no listed signature matches the body under one of the keys",
    ] {
        assert_silent("what is public", public);
    }
}
