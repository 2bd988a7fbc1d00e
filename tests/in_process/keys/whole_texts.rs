//! Keys that are not decoded: texts that are the key, and bytes.

use tower_svix::{KeyError, Secret};
use tower_svix_tests::fixture::{BODY, ID, NOW};
use tower_svix_tests::sender::Sender;

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
    ] {
        let expected = Sender::with_key(text).sign(ID.as_bytes(), b"1700000000", BODY);
        for shown in [
            text.to_owned(),
            format!("\u{feff}{text}\r\n"),
            format!("\u{a0}\u{200b}{text}\u{2060}\u{3000}"),
        ] {
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
            KeyError::Placeholder,
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
    ] {
        assert_eq!(
            Secret::from_text(text).expect_err(text),
            expected,
            "{text:?}"
        );
    }
}

/// HMAC pads with zeros: what the empty key signs, a key of zeros would verify.
#[test]
fn zeros_are_no_key_however_they_are_given() {
    // Around the block size of SHA-256, beyond which a key is hashed first.
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
