//! What a text that is parsed as one key looks like.

use tower_svix::{KeyError, Secret};
use tower_svix_tests::fixture::{BODY, ID, NOW};
use tower_svix_tests::sender::Sender;

use super::assert_rejected;

#[test]
fn a_placeholder_is_no_key() {
    for (text, expected) in [
        ("whsec_xxx", KeyError::Placeholder),
        (
            "whsec_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
            KeyError::Placeholder,
        ),
        (
            "whsec_xXxXxXxXxXxXxXxXxXxXxXxXxXxXxXxX",
            KeyError::Placeholder,
        ),
        (
            "whsec_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx=",
            KeyError::Placeholder,
        ),
        (
            "0000000000000000000000000000000000000000000000000000000000000000",
            KeyError::Placeholder,
        ),
        ("whsec_...", KeyError::Placeholder),
        ("whsec_…", KeyError::Placeholder),
        ("whsec_C2FVsBQ...", KeyError::Placeholder),
        ("whsec_C2FVsBQ…", KeyError::Placeholder),
        ("whsec_****************", KeyError::Placeholder),
        ("whsec_••••••••", KeyError::Placeholder),
        ("whsec_your_secret_here", KeyError::Placeholder),
        ("whsec_YOUR_SIGNING_SECRET", KeyError::Placeholder),
        ("whsec_<your secret>", KeyError::Placeholder),
        ("your_webhook_secret_here", KeyError::Placeholder),
        ("${WEBHOOK_SECRET}", KeyError::Placeholder),
        // 22 and 24 letters, which are base64 of 16 and 18 bytes.
        ("whsec_placeholderplaceholder", KeyError::Placeholder),
        ("replacewithyoursecretkey", KeyError::Placeholder),
        ("null", KeyError::Placeholder),
        ("undefined", KeyError::Placeholder),
        ("changeme", KeyError::Placeholder),
        ("whsec_AAAA", KeyError::AllZero),
        (
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            KeyError::AllZero,
        ),
    ] {
        assert_rejected(text, expected);
    }
}

#[test]
fn what_is_copied_along_with_a_key_is_named() {
    for (text, expected) in [
        ("'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX'", KeyError::Quoted),
        ("“whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX”", KeyError::Quoted),
        ("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\"", KeyError::Quoted),
        (
            "SECRET=\"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\"",
            KeyError::Assignment,
        ),
        (
            "export WEBHOOK_SECRET=whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::Assignment,
        ),
        (
            "WEBHOOK_SECRET=AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::Assignment,
        ),
        (
            "secret: whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::Assignment,
        ),
        (
            "_SECRET=AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::Assignment,
        ),
        ("bearer AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", KeyError::Bearer),
        (
            "Authorization: Bearer whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::Bearer,
        ),
        (
            "whsec_AAECAwQFBgcICQoL\nwhsec_DA0ODxAREhMUFRYX",
            KeyError::List,
        ),
        (
            "v1,whsec_AAECAwQFBgcICQoL|v1,whsec_DA0ODxAREhMUFRYX",
            KeyError::List,
        ),
        (
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX,AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::List,
        ),
        (
            "Whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::MisspelledPrefix,
        ),
        (
            "whsec:AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::MisspelledPrefix,
        ),
        (
            "whsec_whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::MisspelledPrefix,
        ),
        (
            "v1,WHSEC_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::MisspelledPrefix,
        ),
        (
            "v1a,whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::MisspelledPrefix,
        ),
        (
            "aha-whsec-0123456789abcdefghijklmn",
            KeyError::ForeignPrefix,
        ),
        ("sk_live_AAECAwQFBgcICQoLDA0ODxAR", KeyError::ForeignPrefix),
        ("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX,", KeyError::List),
        ("v1,whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX|", KeyError::List),
        (
            "authorization: AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::Bearer,
        ),
        (
            "whsec_AAECAwQFBgcI\u{202a}CQoLDA0ODxAREhMUFRYX",
            KeyError::Invisible,
        ),
        (
            "whsec_AAECAwQFBgcI\0CQoLDA0ODxAREhMUFRYX",
            KeyError::Invisible,
        ),
        (
            "\u{200e}AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::Invisible,
        ),
    ] {
        assert_rejected(text, expected);
    }
}

#[test]
fn what_is_not_quite_base64_is_named() {
    for (text, expected) in [
        ("whsec_-_-_AwQFBgcICQoLDA0ODxAREhMUFRYX", KeyError::UrlSafe),
        ("AAEC-_QFBgcICQoLDA0ODxAREhMUFRYX", KeyError::UrlSafe),
        (
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXA",
            KeyError::Incomplete,
        ),
        ("0123456789abcdef0123456789abcdef", KeyError::HexDigits),
        (
            "0123456789ABCDEF0123456789ABCDEF01234567",
            KeyError::HexDigits,
        ),
        ("0123456789abcdef0123456789abcdef0", KeyError::HexDigits),
        ("0123456789abcdef0123456789ABCDEF", KeyError::HexDigits),
        // A signature is neither a key nor a list of keys.
        (
            "v1,9XH7OIFSRDHmL13MoX08kuMs+D/XSES+0VnSOOwyqvQ=",
            KeyError::NotBase64,
        ),
        // No assignments: the text before the `=` is not a name, or not one of a secret, and base64 can follow it.
        (
            "my/secret=whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::NotBase64,
        ),
        ("ABC=AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", KeyError::NotBase64),
        (
            "my_secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
            KeyError::NotBase64,
        ),
        // 15 bytes, with and without the prefix.
        ("whsec_AAECAwQFBgcICQoLDA0O", KeyError::TooShort),
        ("AAECAwQFBgcICQoLDA0O", KeyError::TooShort),
    ] {
        assert_rejected(text, expected);
    }
}

#[test]
fn what_only_resembles_a_look_is_a_key() {
    for (name, text) in [
        ("16 bytes", "whsec_AAECAwQFBgcICQoLDA0ODw=="),
        ("16 bytes without prefix", "AAECAwQFBgcICQoLDA0ODw"),
        (
            "hexadecimal digits behind a prefix",
            "whsec_0123456789abcdef0123456789abcdef",
        ),
        (
            "digits and one more letter",
            "0123456789abcdef0123456789ABCDEg",
        ),
        ("zeros and a one", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"),
        ("words and a digit", "whsec_test/secret/placeholder1"),
        ("small letters", "whsec_abcdefghijklmnopqrstuvwxyzabcdef"),
        ("all ones", "whsec_/////////////////////w=="),
    ] {
        let secret: Secret = text.parse().expect(name);
        let expected = Sender::with_secret(text).sign(ID.as_bytes(), b"1700000000", BODY);
        assert_eq!(
            secret.sign(ID, NOW, BODY).expect("signed"),
            expected,
            "{name}"
        );
    }
}
