//! Any list of signatures, with or without a genuine one: only that one counts.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_svix::{VerifiedEvent, VerifyError};
use tower_svix_fuzz::headers::{Element, Line, Name, Origin, Value, join};
use tower_svix_fuzz::input::Signatures;
use tower_svix_fuzz::receiver::{At, Settings, receiver_keys, receiver_keys_in_one_text};
use tower_svix_fuzz::reference::{SignatureHeaders, signer};

fuzz_target!(|input: Signatures| {
    let (keyring, keys) = receiver_keys(&input.keys.0);
    let settings = Settings {
        tolerance: None,
        pinned_to_svix: None,
        allow_dotted_ids: false,
        limit: None,
    };
    let timestamp = input.signed.timestamp.text(1_614_265_330);
    let origin = Origin {
        keys: &input.keys.0,
        id: &input.signed.id.0,
        timestamp: &timestamp,
        body: &input.body.0,
    };
    let mut list = input.list.0;
    if let Some(genuine) = input.genuine {
        let at = usize::from(genuine.at) % (list.len() + 1);
        list.insert(at, Element::Genuine(genuine.key));
    }
    let line = |name, value| Line { name, value };
    let (headers, lines) = origin.headers(&[
        line(Name::SvixId, Value::Id),
        line(Name::SvixTimestamp, Value::Timestamp),
        line(
            Name::SvixSignature,
            Value::Raw((&join(&list, &origin)).into()),
        ),
    ]);

    let verifier = settings.verifier(keyring, At(None));
    let verdict = verifier.verify(&headers, &input.body.0);
    let signature_headers = SignatureHeaders::read(&lines, None, false);
    let expected = signature_headers
        .as_ref()
        .ok()
        .and_then(|signature_headers| signer(&keys, signature_headers, &input.body.0));
    let found = verdict.as_ref().ok().map(VerifiedEvent::key_index);
    assert_eq!(found, expected, "{verdict:?}");

    // In parts, the verdict is the same.
    let in_parts = verifier.start(&headers).and_then(|mut verification| {
        for part in input.body.0.chunks(7) {
            verification.update(part);
        }
        verification.finish()
    });
    assert_eq!(
        in_parts.map(|event| event.key_index()).ok(),
        found,
        "in parts"
    );
    // With the keys parsed from one text, too.
    if let Some(keyring) = receiver_keys_in_one_text(&input.keys.0) {
        let verifier = settings.verifier(keyring, At(None));
        let verdict = verifier.verify(&headers, &input.body.0);
        assert_eq!(
            verdict.map(|event| event.key_index()).ok(),
            found,
            "with the keys from one text"
        );
    }
    if signature_headers.is_ok() && found.is_none() {
        let error = verdict.expect_err("no key signed");
        assert!(
            [
                VerifyError::SignatureMismatch,
                VerifyError::NoSupportedSignature
            ]
            .contains(&error),
            "{error:?}"
        );
    }
});
