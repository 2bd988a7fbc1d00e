//! Keys that are not decoded: texts that are the key, and bytes.

use tower_svix::{KeyError, Secret};
use tower_svix_tests::fixture::{BODY, ID, NOW};
use tower_svix_tests::sender::Sender;

use super::{KEY, OTHER};

#[test]
fn a_text_that_is_the_key_is_used_whole() {
    for text in [
        "polar_whs_0123456789abcdefghijklmnopqrstuv",
        "whsec_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        "aha-whsec-0123456789abcdefghijklmn",
        "00112233445566778899aabbccddeeff",
        "correct horse battery staple",
        "ein Schlüssel von früher",
        "a-super-secret-key,mine|yours=ours",
        "one-word, another-word",
        "-0123456789 -0123456789",
        "sixteen letters!",
        "e\u{301}tait-ce une cle\u{301}",
    ] {
        let expected = Sender::with_key(text).sign(ID.as_bytes(), b"1700000000", BODY);
        let mut forms = vec![
            text.to_owned(),
            format!("\u{feff}{text}\r\n"),
            format!("\u{a0}\u{200b}{text}\u{2060}\u{3000}"),
        ];
        if text.starts_with("whsec_") {
            forms.push(format!("v1,{text}"));
        }
        for shown in forms {
            let secret = Secret::from_text(&shown).expect(text);
            assert_eq!(
                secret.sign(ID, NOW, BODY).expect("signed"),
                expected,
                "{text}"
            );
        }
    }
}

#[test]
fn a_text_that_is_no_key_is_none_whole_either() {
    for (text, expected) in [
        ("", KeyError::Empty),
        ("\u{feff} \n", KeyError::Empty),
        ("whsec_", KeyError::Empty),
        ("whsec_test", KeyError::Placeholder),
        ("xxxxxxxxxxxxxxxxxxxxxxxx", KeyError::Placeholder),
        ("your_webhook_secret_here", KeyError::Placeholder),
        ("polar_whs_", KeyError::TooShort),
        ("fifteen letters", KeyError::TooShort),
        ("\"aha-whsec-0123456789abcdefghijklmn\"", KeyError::Quoted),
        (
            "POLAR_SECRET=polar_whs_0123456789abcdefgh",
            KeyError::Assignment,
        ),
        ("Bearer polar_whs_0123456789abcdefgh", KeyError::Bearer),
        ("polar_whs_0123456789\npolar_whs_9876543210", KeyError::List),
        (
            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            KeyError::AllZero,
        ),
        (
            "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
            KeyError::PublicKey,
        ),
        (
            "v1a,whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
            KeyError::PublicKey,
        ),
        ("whsk_AAAA", KeyError::PrivateKey),
        (
            "Authorization: polar_whs_0123456789abcdefgh",
            KeyError::Bearer,
        ),
    ] {
        assert_eq!(
            Secret::from_text(text).expect_err(text),
            expected,
            "{text:?}"
        );
    }
}

/// Otherwise, invisible characters would be part of the key, and several keys would be one.
#[test]
fn a_text_that_is_the_key_has_no_other_meaning_than_what_it_looks_like() {
    const AHA: &str = "aha-whsec-0123456789abcdefghijklmn";
    let in_the_middle = |character: char| {
        let (start, end) = AHA.split_at(14);
        (format!("{start}{character}{end}"), KeyError::Invisible)
    };
    let invisible = [
        '\0',
        '\t',
        '\u{1b}',
        '\u{7f}',
        '\u{85}',
        '\u{a0}',
        '\u{ad}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{200e}',
        '\u{200f}',
        '\u{2028}',
        '\u{202a}',
        '\u{202e}',
        '\u{2060}',
        '\u{2066}',
        '\u{2069}',
        '\u{3000}',
        '\u{feff}',
        '\u{fe0f}',
        '\u{fff9}',
        '\u{e0041}',
    ];
    let lists = [
        format!("{AHA},{AHA}"),
        format!("{AHA}, {AHA}"),
        format!("{AHA} {AHA}"),
        format!("{AHA}|{AHA}"),
        format!("{AHA}\r\n{AHA}"),
        "polar_whs_0123456789abcdefghij polar_whs_9876543210jihgfedcba".to_owned(),
        format!("whsec_{KEY},whsec_{OTHER}"),
        format!("v1,whsec_{KEY}|v1,whsec_{OTHER}"),
        format!("v1,whsec_{KEY} whsec_{OTHER}"),
    ];
    let around = [
        (format!("\u{200e}{AHA}"), KeyError::Invisible),
        (format!("{AHA}\u{202c}"), KeyError::Invisible),
        (format!("'{AHA}'"), KeyError::Quoted),
        (format!("AHA_SECRET={AHA}"), KeyError::Assignment),
        (format!("Bearer {AHA}"), KeyError::Bearer),
        (format!("authorization:{AHA}"), KeyError::Bearer),
        (format!("v1a,whsec_{OTHER}"), KeyError::MisspelledPrefix),
    ];
    let cases = invisible.into_iter().map(in_the_middle);
    let cases = cases.chain(lists.map(|text| (text, KeyError::List)));
    for (text, expected) in cases.chain(around) {
        let found = [
            Secret::from_text(&text),
            Secret::text_key_with_hex_signatures(&text),
        ];
        for found in found {
            assert_eq!(found.expect_err(&text), expected, "{text:?}");
        }
    }
}

/// Supabase's dashboard shows the key with its version.
#[test]
fn a_version_before_the_text_of_a_key_is_not_of_the_key() {
    let text = "whsec_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    let signed_with = |text: &str| {
        let secret = Secret::from_text(text).expect(text);
        secret.sign(ID, NOW, BODY).expect("signed")
    };
    assert_eq!(signed_with(&format!("v1,{text}")), signed_with(text));
    // In a text that no dashboard shows with a version, the version is part of the key.
    let versioned = "v1,0123456789abcdefghijklmnopqrstuvwxyz";
    assert_ne!(signed_with(versioned), signed_with(&versioned[3..]));
}

/// HMAC pads with zeros. A key of zeros would verify what the empty key signs.
#[test]
fn zeros_are_no_key_however_they_are_given() {
    // Lengths around the block size of SHA-256. A longer key is hashed first.
    for length in [1, 16, 24, 32, 63, 64, 65, 1000] {
        let zeros = vec![0; length];
        let text = Sender::with_key(zeros.clone()).secret();
        let zero_text = "\0".repeat(length);
        for (name, found) in [
            ("from_bytes", Secret::from_bytes(&zeros)),
            ("parse", text.parse()),
            ("parse without prefix", text["whsec_".len()..].parse()),
            (
                "hexadecimal",
                Secret::text_key_with_hex_signatures(&zero_text),
            ),
        ] {
            assert_eq!(
                found.expect_err(name),
                KeyError::AllZero,
                "{name}, {length}"
            );
        }
        let mut key = zeros;
        key[length - 1] = 1;
        Secret::from_bytes(&key).expect("one bit is set");
    }
}

#[test]
fn a_short_or_weak_key_can_be_given_as_bytes() {
    for key in [&b"k"[..], b"test", b"xxxxxxxxxxxxxxxxxxxxxxxx"] {
        let secret = Secret::from_bytes(key).expect("a key");
        let expected = Sender::with_key(key).sign(ID.as_bytes(), b"1700000000", BODY);
        assert_eq!(secret.sign(ID, NOW, BODY).expect("signed"), expected);
    }
}
