//! Keys as portals print them and as people paste them: what is read, what is rejected, and with which error.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde::Deserialize;
use tower_svix::{KeyError, Keyring, Secret, SigningKey, Verifier, VerifyingKey};
use tower_svix_tests::clock::At;
use tower_svix_tests::fixture::{BODY, ID, NOW};
use tower_svix_tests::sender::Sender;

/// Base64 of 24 bytes.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
/// Base64 of 32 bytes.
const OTHER: &str = "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=";

const ALL_ERRORS: [KeyError; 22] = [
    KeyError::Empty,
    KeyError::AllZero,
    KeyError::Placeholder,
    KeyError::TooShort,
    KeyError::Quoted,
    KeyError::Assignment,
    KeyError::Bearer,
    KeyError::Invisible,
    KeyError::List,
    KeyError::NoPrefix,
    KeyError::MisspelledPrefix,
    KeyError::ForeignPrefix,
    KeyError::HexDigits,
    KeyError::UrlSafe,
    KeyError::Incomplete,
    KeyError::NotBase64,
    KeyError::Secret,
    KeyError::PublicKey,
    KeyError::PrivateKey,
    KeyError::Ed25519Unsupported,
    KeyError::InvalidPublicKey,
    KeyError::InvalidPrivateKey,
];

/// One of the cases of `vectors/senders.json`.
#[derive(Deserialize)]
struct Case {
    name: String,
    keys: Vec<String>,
    #[serde(default)]
    headers: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    now: u64,
    expect: String,
    #[serde(default)]
    how: String,
}

impl Case {
    /// Those that are about the text of a key.
    fn all() -> impl Iterator<Item = Self> {
        let cases: Vec<Self> = serde_json::from_str(include_str!("../vectors/senders.json"))
            .expect("the cases have this form");
        cases
            .into_iter()
            .filter(|case| case.name.starts_with("key-"))
    }

    fn keyring(&self) -> Result<Keyring, KeyError> {
        let [text] = &self.keys[..] else {
            panic!("{}: one text", self.name);
        };
        match &*self.how {
            "parse" => text.parse::<Secret>().map(Keyring::from),
            "Secret::from_text" => Secret::from_text(text).map(Keyring::from),
            "Keyring::from_str" => text.parse(),
            other => panic!("{}: {other}", self.name),
        }
    }

    fn headers(&self) -> HeaderMap {
        let header = |(name, value): (&String, &serde_json::Value)| {
            let name = HeaderName::try_from(name).expect("a name");
            let value = value.as_str().expect("a text");
            (name, HeaderValue::from_str(value).expect("visible ASCII"))
        };
        self.headers.iter().map(header).collect()
    }
}

#[test]
fn the_keys_of_real_senders_verify_what_they_send() {
    let mut checked = 0;
    for case in Case::all().filter(|case| case.expect == "accept") {
        let keyring = case
            .keyring()
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let verifier = Verifier::new(keyring).clock(At(case.now));
        let found = verifier.verify(&case.headers(), case.body.as_bytes());
        assert!(found.is_ok(), "{}: {found:?}", case.name);
        checked += 1;
    }
    assert_eq!(checked, 9);
}

#[test]
fn the_texts_that_people_paste_are_rejected_for_what_they_look_like() {
    let mut expected = vec![
        ("key-refused-zero", KeyError::AllZero),
        ("key-refused-zero-short", KeyError::AllZero),
        ("key-refused-test", KeyError::Placeholder),
        ("key-refused-placeholder", KeyError::Placeholder),
        ("key-refused-xxxx", KeyError::Placeholder),
        ("key-refused-quotes", KeyError::Quoted),
        ("key-refused-assignment", KeyError::Assignment),
        ("key-refused-bearer", KeyError::Bearer),
        ("key-refused-upper", KeyError::MisspelledPrefix),
        ("key-refused-dash", KeyError::MisspelledPrefix),
        ("key-refused-polar", KeyError::ForeignPrefix),
        ("key-refused-two-as-one", KeyError::List),
    ];
    for case in Case::all().filter(|case| case.expect == "key-error") {
        let error = case.keyring().expect_err(&case.name);
        let at = expected
            .iter()
            .position(|(name, _)| *name == case.name)
            .unwrap_or_else(|| panic!("{}: no error is expected", case.name));
        assert_eq!(error, expected.swap_remove(at).1, "{}", case.name);
    }
    assert!(expected.is_empty(), "no such case: {expected:?}");
}

#[track_caller]
fn assert_rejected(text: &str, expected: KeyError) {
    let error = text.parse::<Secret>().expect_err(text);
    assert_eq!(error, expected, "{text}");
    let error = text.parse::<SigningKey>().expect_err(text);
    assert_eq!(error, expected, "{text} as a SigningKey");
    let error = text.parse::<VerifyingKey>().expect_err(text);
    assert_eq!(error, expected, "{text} as a VerifyingKey");
}

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
        // A signature is no key, and no list of keys.
        (
            "v1,9XH7OIFSRDHmL13MoX08kuMs+D/XSES+0VnSOOwyqvQ=",
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
        "e\u{301}tait-ce une cle\u{301}",
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

/// What cannot be seen would be a part of the key, and so would all of several keys.
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

/// Supabase's dashboard shows it so.
#[test]
fn a_version_before_the_text_of_a_key_is_not_of_the_key() {
    let text = "whsec_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    let signed_with = |text: &str| {
        let secret = Secret::from_text(text).expect(text);
        secret.sign(ID, NOW, BODY).expect("signed")
    };
    assert_eq!(signed_with(&format!("v1,{text}")), signed_with(text));
    // Of a text that no dashboard shows with a version, it is.
    let versioned = "v1,0123456789abcdefghijklmnopqrstuvwxyz";
    assert_ne!(signed_with(versioned), signed_with(&versioned[3..]));
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

#[test]
fn several_keys_in_one_text_are_a_keyring_in_their_order() {
    let senders = [KEY, OTHER].map(Sender::with_secret);
    for (name, text) in [
        ("a bar", format!("v1,whsec_{KEY}|v1,whsec_{OTHER}")),
        ("a comma", format!("v1,whsec_{KEY},v1,whsec_{OTHER}")),
        ("a version once", format!("v1,whsec_{KEY}, whsec_{OTHER}")),
        ("a version later", format!("whsec_{KEY},v1,whsec_{OTHER}")),
        ("no version", format!("whsec_{KEY},whsec_{OTHER}")),
        ("lines", format!("whsec_{KEY}\r\nwhsec_{OTHER}\r\n")),
        (
            "a no-break space",
            format!("\u{feff}whsec_{KEY}\u{a0}whsec_{OTHER}\u{a0}"),
        ),
        (
            "many separators",
            format!(",| whsec_{KEY} ,|\n, whsec_{OTHER},,|"),
        ),
    ] {
        let keyring: Keyring = text.parse().expect(name);
        let verifier = Verifier::new(keyring).clock(At(NOW));
        for (index, sender) in senders.iter().enumerate() {
            let event = verifier
                .verify(&sender.headers(ID, NOW, BODY), BODY)
                .expect(name);
            assert_eq!(event.key_index(), index, "{name}");
        }
    }
}

#[test]
fn a_text_of_several_keys_is_rejected_for_the_first_that_is_none() {
    for (text, expected) in [
        ("", KeyError::Empty),
        (" ,|\u{feff}", KeyError::Empty),
        ("v1,", KeyError::TooShort),
        ("v1,whsec_", KeyError::Empty),
        ("whsec_KEY, OTHER", KeyError::NoPrefix),
        ("OTHER|whsec_KEY", KeyError::NoPrefix),
        ("v1, whsec_KEY", KeyError::NoPrefix),
        (
            "00112233445566778899aabbccddeeff whsec_KEY",
            KeyError::NoPrefix,
        ),
        ("whsec_KEY,WHSEC_KEY", KeyError::MisspelledPrefix),
        ("v1a,whsec_KEY", KeyError::MisspelledPrefix),
        ("v1,whpk_KEY", KeyError::MisspelledPrefix),
        ("v1,WHSEC_KEY", KeyError::MisspelledPrefix),
        ("whsec_KEY v1a,whsec_KEY", KeyError::MisspelledPrefix),
        ("whsec_KEY,whsec_KEY\u{202e}", KeyError::Invisible),
        ("whsec_KEY,null", KeyError::Placeholder),
        ("whsec_KEY,whsec_test", KeyError::Placeholder),
        (
            "whsec_KEY,polar_whs_0123456789abcdefghij",
            KeyError::ForeignPrefix,
        ),
        ("'whsec_KEY','whsec_OTHER'", KeyError::Quoted),
        ("[\"whsec_KEY\",\"whsec_OTHER\"]", KeyError::Quoted),
        ("SECRETS=whsec_KEY,whsec_OTHER", KeyError::Assignment),
        ("Bearer whsec_KEY", KeyError::Bearer),
        ("whsec_KEY whsk_AAAA", KeyError::PrivateKey),
        ("whsk_AAAA\"", KeyError::PrivateKey),
        ("whsec_KEY,whsec_OTHER'", KeyError::Quoted),
    ] {
        let text = text.replace("KEY", KEY).replace("OTHER", OTHER);
        assert_eq!(
            text.parse::<Keyring>().expect_err(&text),
            expected,
            "{text}"
        );
    }
}

/// During Polar's change-over, a text of 43 letters and digits can be the key, or its base64.
#[test]
fn a_keyring_holds_both_readings_of_one_text() {
    let text = "whsec_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    let readings = || Ok([text.parse()?, Secret::from_text(text)?]);
    let readings: Result<_, KeyError> = readings();
    let verifier = Verifier::new(readings.expect("both are keys")).clock(At(NOW));
    let senders = [Sender::with_secret(text), Sender::with_key(text)];
    for (index, sender) in senders.iter().enumerate() {
        let event = verifier
            .verify(&sender.headers(ID, NOW, BODY), BODY)
            .expect("genuine");
        assert_eq!(event.key_index(), index);
    }
}

#[test]
fn smoke() {
    let mut seen = Vec::new();
    for error in ALL_ERRORS {
        let shown = error.to_string();
        assert_eq!(shown, format!("{error:?}"));
        assert!(!seen.contains(&shown), "{shown} is said twice");
        assert!(shown.contains("key"), "{shown}");
        assert!(!shown.ends_with('.') && !shown.contains("  "), "{shown}");
        seen.push(shown);
    }
}

/// What may stand around a key without being of it.
fn around() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec![
            " ", "\t", "\r\n", "\n", "\u{feff}", "\u{a0}", "\u{3000}", "\u{200b}", "\u{2060}",
        ]),
        0..4,
    )
    .prop_map(|parts| parts.concat())
}

/// A text near to those of keys, or any text.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "whsec_",
            "whpk_",
            "whsk_",
            "WHSEC_",
            "whsec-",
            "v1,",
            "v1a,",
            "polar_whs_",
            "Bearer ",
            "export ",
            "NAME=",
            "Authorization:",
            "\"",
            "'",
            ",",
            "|",
            " ",
            "\n",
            "\u{feff}",
            "=",
            "test",
            "secret",
            "…",
            "ä",
            KEY,
            OTHER,
        ])
        .prop_map(str::to_owned),
        "[A-Za-z0-9+/_-]{0,40}",
        ".{0,12}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_secret_is_the_same_however_it_is_printed(
        key in prop::collection::vec(any::<u8>(), 24..=64),
        prefix in prop::sample::select(vec!["", "whsec_", "v1,whsec_"]),
        is_padded in any::<bool>(),
        (before, after) in (around(), around()),
    ) {
        prop_assume!(key.iter().any(|byte| *byte != 0));
        let sender = Sender::with_key(key);
        let text = sender.secret();
        let mut base64 = &text["whsec_".len()..];
        if !is_padded {
            base64 = base64.trim_end_matches('=');
        }
        let text = format!("{before}{prefix}{base64}{after}");
        let secret: Secret = text.parse().unwrap();
        let signature = sender.sign(ID.as_bytes(), b"1700000000", BODY);
        prop_assert_eq!(secret.sign(ID, NOW, BODY).unwrap(), signature);
        for keyring in [Keyring::from(secret), text.parse().unwrap()] {
            let verifier = Verifier::new(keyring).clock(At(NOW));
            prop_assert!(verifier.verify(&sender.headers(ID, NOW, BODY), BODY).is_ok());
        }
    }

    #[test]
    fn no_text_is_repeated_by_its_error(text in any_text()) {
        let errors = [
            text.parse::<Secret>().err(),
            text.parse::<SigningKey>().err(),
            text.parse::<VerifyingKey>().err(),
            text.parse::<Keyring>().err(),
            Secret::from_text(&text).err(),
            Secret::text_key_with_hex_signatures(&text).err(),
        ];
        for error in errors.into_iter().flatten() {
            // A constant cannot repeat a text; that it is one of these constants is the claim.
            prop_assert!(ALL_ERRORS.contains(&error));
            let shown = format!("{error} {error:?}");
            let characters: Vec<_> = text.chars().collect();
            for window in characters.windows(8) {
                let window: String = window.iter().collect();
                // These are words of the sentences themselves.
                let is_of_the_language = ALL_ERRORS.iter().any(|other| other.to_string().contains(&window));
                prop_assert!(is_of_the_language || !shown.contains(&window), "{}", window);
            }
        }
    }
}
