//! Properties of any text: the way it is printed does not matter, and its error does not repeat it.

use proptest::prelude::*;
use tower_svix::{Keyring, Secret, SigningKey, Verifier, VerifyingKey};
use tower_svix_tests::clock::At;
use tower_svix_tests::fixture::{BODY, ID, NOW};
use tower_svix_tests::sender::Sender;

use super::{ALL_ERRORS, KEY, OTHER};

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

/// Text that may be around a key without being part of it.
fn around() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec![
            " ", "\t", "\r\n", "\n", "\u{feff}", "\u{a0}", "\u{3000}", "\u{200b}", "\u{2060}",
        ]),
        0..4,
    )
    .prop_map(|parts| parts.concat())
}

/// A text close to a key, or any text.
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
            // A constant cannot repeat a text. This checks that the error is one of the constants.
            prop_assert!(ALL_ERRORS.contains(&error));
            let shown = format!("{error} {error:?}");
            let characters: Vec<_> = text.chars().collect();
            for window in characters.windows(8) {
                let window: String = window.iter().collect();
                // These words are in the error messages themselves.
                let is_of_the_language = ALL_ERRORS.iter().any(|other| other.to_string().contains(&window));
                prop_assert!(is_of_the_language || !shown.contains(&window), "{}", window);
            }
        }
    }
}
