//! Any headers, with one key: the reported cause is true, and the verifier and the layer report the same.

#![no_main]

use http::Request;
use libfuzzer_sys::fuzz_target;
use tower_layer::Layer as _;
use tower_service::Service as _;
use tower_svix::{Rejection, SvixVerifyLayer, VerifyError};
use tower_svix_fuzz::drive::run;
use tower_svix_fuzz::headers::Origin;
use tower_svix_fuzz::inner::{Answer, Behaviour, Recorder};
use tower_svix_fuzz::input::Headers;
use tower_svix_fuzz::receiver::{At, family_of_crate, receiver_keys};
use tower_svix_fuzz::reference::{Arriving, Line, Lookup, Request as Given, Verdict, judge};

fuzz_target!(|input: Headers| {
    let keys = [input.key.clone()];
    let (keyring, expected_keys) = receiver_keys(&keys);
    let timestamp = input.signed.timestamp.text(input.now);
    let origin = Origin {
        keys: &keys,
        id: &input.signed.id.0,
        timestamp: &timestamp,
        body: &input.body.0,
    };
    let (headers, lines) = origin.headers(&input.lines.0);
    let verifier = input.settings.verifier(keyring, At(Some(input.now)));

    // The verifier has no limit, and reads no length.
    let mut rules = input.settings.rules();
    rules.limit = u64::MAX;
    let mut given = Given {
        headers: lines.clone(),
        least_length: 0,
        body: vec![Arriving::Data(input.body.0.clone())],
        now: Some(input.now),
        later: Some(input.now),
    };
    given.headers.retain(|(name, _)| name != "content-length");
    let expected = judge(&rules, &Lookup::Single(expected_keys), &given);
    let verdict = verifier.verify(&headers, &input.body.0);
    match (&verdict, &expected) {
        (
            Ok(event),
            Verdict::Forward {
                signature_headers,
                body,
                key_index,
            },
        ) => {
            assert_eq!(event.id().as_bytes(), signature_headers.id);
            assert_eq!(event.unix_seconds(), signature_headers.unix_seconds);
            assert_eq!(event.payload(), body);
            assert_eq!(event.key_index(), *key_index);
            assert_eq!(
                event.header_family(),
                family_of_crate(signature_headers.family)
            );
        }
        (Err(error), Verdict::Reject { codes, .. }) => {
            assert!(codes.contains(&error.code()), "{error}, expected {codes:?}");
            check_name(*error, &lines);
        }
        _ => panic!("{verdict:?}, expected {expected:?}"),
    }

    let recorder = Recorder::new(Behaviour {
        waits: 0,
        answer: Answer::Response,
    });
    let mut service = SvixVerifyLayer::from(verifier)
        .body_limit(usize::MAX)
        .layer(recorder.clone());
    let mut request = Request::new(String::from_utf8_lossy(&input.body.0).into_owned());
    let is_same_body = request.body().as_bytes() == input.body.0;
    *request.headers_mut() = headers;
    let response = run(service.call(request)).expect("the inner service answers");
    let rejection: Option<&Rejection> = response.extensions().get();
    if is_same_body {
        let expected = verdict.as_ref().err().copied().map(Rejection::from);
        assert_eq!(rejection.copied(), expected);
    }
    assert_eq!(
        recorder.take().calls.len(),
        usize::from(rejection.is_none())
    );
});

/// Checks that the header that an error names is as the error says.
fn check_name(error: VerifyError, lines: &[Line]) {
    let values = |wanted: &str| -> Vec<&[u8]> {
        let lines = lines.iter().filter(|(name, _)| name == wanted);
        lines.map(|(_, value)| value.as_slice()).collect()
    };
    match error {
        VerifyError::MissingHeader(name) => assert!(values(name).is_empty(), "{name}"),
        VerifyError::DuplicateHeader(name) => assert!(values(name).len() > 1, "{name}"),
        VerifyError::MalformedHeader(name) => {
            let [value] = values(name)[..] else {
                panic!("{name} is there more than once, or not at all");
            };
            let is_visible = !value.is_empty() && value.iter().all(|b| (b' '..=b'~').contains(b));
            assert!(
                !is_visible || name.ends_with("-id") && value.contains(&b'.'),
                "{name}"
            );
        }
        _ => {}
    }
}
