//! What a diagnosis never shows.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use tower_svix::diagnose::Diagnosis;

use super::delivery::{Delivery, KEY, hex, mac};

/// Asserts that no output of the diagnosis shows a key, a valid signature, a header value or the body.
#[track_caller]
pub(crate) fn assert_silent(name: &str, delivery: &Delivery, diagnosis: &Diagnosis) {
    let mut shown = vec![format!("{diagnosis}\n{diagnosis:?}\n{diagnosis:#?}")];
    for finding in diagnosis.findings().iter().chain(diagnosis.suspicions()) {
        shown.push(format!(
            "{}\n{finding}\n{}",
            finding.code(),
            finding.advice()
        ));
    }
    if let Err(failure) = diagnosis.verdict() {
        shown.push(format!("{failure}\n{failure:?}"));
    }
    let shown = shown.join("\n");

    let id_and_time = {
        let value = |suffix: &str| {
            let mut headers = delivery.headers.iter();
            let header = headers.find(|(name, _)| name.ends_with(suffix));
            header.map_or("", |(_, value)| value.as_str())
        };
        format!("{}.{}.", value("id"), value("timestamp"))
    };
    let message = [id_and_time.as_bytes(), &delivery.body].concat();
    let mut hidden: Vec<String> = delivery
        .keys
        .split([' ', ',', '|', '\n'])
        .flat_map(|key| [key.to_owned(), key.trim_start_matches("whsec_").to_owned()])
        .collect();
    for key in [KEY, delivery.keys.as_bytes()] {
        for bytes in [key.to_vec(), mac(key, &message).to_vec()] {
            hidden.push(hex(&bytes));
            hidden.push(hex(&bytes).to_uppercase());
            hidden.push(STANDARD_NO_PAD.encode(&bytes));
            hidden.push(STANDARD.encode(&bytes));
            hidden.push(URL_SAFE_NO_PAD.encode(&bytes));
            hidden.push(format!("{bytes:?}").trim_matches(['[', ']']).to_owned());
        }
    }
    hidden.extend(delivery.headers.iter().map(|(_, value)| value.clone()));
    hidden.push(String::from_utf8_lossy(&delivery.body).into_owned());
    // A length or a single word is no secret.
    hidden.retain(|text| text.len() > 7 && text != "identity");
    for text in hidden {
        assert!(!shown.contains(&text), "{name} shows {text}: {shown}");
    }
}

#[test]
fn no_diagnosis_shows_a_key_or_a_right_signature() {
    let private = format!("whsk_{}", STANDARD.encode([7; 64]));
    let two = format!(
        "{} whsec_{}",
        super::delivery::secret(),
        STANDARD.encode([9; 24])
    );
    for (name, delivery) in [
        ("a forgery", Delivery::new().body("another body")),
        (
            "a forged list",
            Delivery::new().signature("v1,".to_owned() + &STANDARD.encode([1; 32])),
        ),
        (
            "no signature",
            Delivery::new().signature("none of any form"),
        ),
        (
            "another key",
            Delivery::new().keys(format!("whsec_{}", STANDARD.encode([9; 24]))),
        ),
        ("two keys", Delivery::new().body("another body").keys(two)),
        (
            "a word",
            Delivery::new().keys("correct horse battery staple"),
        ),
        ("a private key", Delivery::new().keys(private)),
        ("a stale one", Delivery::new().now(1)),
    ] {
        let diagnosis = delivery.diagnose();
        assert!(diagnosis.verdict().is_err(), "{name}");
        assert_silent(name, &delivery, &diagnosis);
    }
}
