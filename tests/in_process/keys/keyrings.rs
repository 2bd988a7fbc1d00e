//! Several keys: from one text, and for one text.

use tower_svix::{KeyError, Keyring, Secret, Verifier};
use tower_svix_tests::clock::At;
use tower_svix_tests::fixture::{BODY, ID, NOW};
use tower_svix_tests::sender::Sender;

use super::{KEY, OTHER};

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

/// During Polar's change-over, 43 letters and digits can be the key itself or its base64.
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
