//! The cases of `tests/vectors/senders.json` that are about the text of a key.

use tower_svix::{KeyError, Keyring, Secret, Verifier};
use tower_svix_tests::clock::At;
use tower_svix_tests::sender_cases::SenderCase;

fn cases() -> impl Iterator<Item = SenderCase> {
    SenderCase::all()
        .into_iter()
        .filter(SenderCase::is_about_keys)
}

fn keyring(case: &SenderCase) -> Result<Keyring, KeyError> {
    let [text] = &case.keys[..] else {
        panic!("{}: one text", case.name);
    };
    match case.how.as_deref() {
        Some("parse") => text.parse::<Secret>().map(Keyring::from),
        Some("Secret::from_text") => Secret::from_text(text).map(Keyring::from),
        Some("Keyring::from_str") => text.parse(),
        other => panic!("{}: {other:?}", case.name),
    }
}

#[test]
fn the_keys_of_real_senders_verify_what_they_send() {
    let mut checked = 0;
    for case in cases().filter(|case| case.expect == "accept") {
        let read = keyring(&case).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let verifier = Verifier::new(read).clock(At(case.now));
        let found = verifier.verify(&case.header_map(), case.body.as_bytes());
        assert!(found.is_ok(), "{}: {found:?}", case.name);
        checked += 1;
    }
    assert_eq!(checked, 9);
}

#[test]
fn the_texts_that_people_paste_are_rejected_for_what_they_look_like() {
    let mut expected = vec![
        ("key-rejected-zero", KeyError::AllZero),
        ("key-rejected-zero-short", KeyError::AllZero),
        ("key-rejected-test", KeyError::Placeholder),
        ("key-rejected-placeholder", KeyError::Placeholder),
        ("key-rejected-xxxx", KeyError::Placeholder),
        ("key-rejected-quotes", KeyError::Quoted),
        ("key-rejected-assignment", KeyError::Assignment),
        ("key-rejected-bearer", KeyError::Bearer),
        ("key-rejected-upper", KeyError::MisspelledPrefix),
        ("key-rejected-dash", KeyError::MisspelledPrefix),
        ("key-rejected-polar", KeyError::ForeignPrefix),
        ("key-rejected-two-as-one", KeyError::List),
    ];
    for case in cases().filter(|case| case.expect == "key-error") {
        let error = keyring(&case).expect_err(&case.name);
        let at = expected
            .iter()
            .position(|(name, _)| *name == case.name)
            .unwrap_or_else(|| panic!("{}: no error is expected", case.name));
        assert_eq!(error, expected.swap_remove(at).1, "{}", case.name);
    }
    assert!(expected.is_empty(), "no such case: {expected:?}");
}
