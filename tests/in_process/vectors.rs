//! Every case of `tests/vectors`, through the middleware and through the verifier.

use std::iter;
use std::ops::Range;

use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tower_svix::{VerifiedEvent, Verifier, VerifyError, VerifyingKey};
use tower_svix_tests::body::{BrokeOff, Script, Step};
use tower_svix_tests::case::{self, Case, Expect, REJECTED_FOR_THEIR_KEY};
use tower_svix_tests::sender;
use tower_svix_tests::verdict::{check_each, expect_eq};
use tower_svix_tests::{deliver, flip_bit, flip_header_bit};

/// Cases that are rejected because of the way their body arrives, although its bytes are valid. A verifier that gets
/// the whole body at once cannot see this.
const REJECTED_FOR_THEIR_DELIVERY: &[&str] = &[
    "delivery-error-first",
    "delivery-error-after-all-data",
    "delivery-content-length-too-big",
    "delivery-size-hint-lower-huge",
    "delivery-limit-plus-one",
];

#[test]
fn every_case_gets_its_verdict_from_the_middleware() {
    check_each(case::expressible(), through_the_middleware);
}

#[test]
fn every_case_gets_its_verdict_from_the_verifier() {
    check_each(case::expressible(), |case| {
        through_the_verifier(case, Verifier::verify)
    });
}

#[test]
fn every_case_gets_its_verdict_from_the_incremental_verifier() {
    check_each(case::expressible(), |case| {
        through_the_verifier(case, |verifier, headers, _| {
            let mut verification = verifier.start(headers)?;
            for frame in case.frames() {
                verification.update(frame);
            }
            verification.finish()
        })
    });
}

#[test]
fn a_key_that_is_no_key_is_rejected_when_it_is_parsed() {
    check_each(named(REJECTED_FOR_THEIR_KEY), |case| {
        expect_eq("the keys parse", case.keys().is_ok(), false)
    });
}

#[cfg(not(feature = "ed25519"))]
#[test]
fn a_public_key_is_rejected_by_name_without_the_feature() {
    use tower_svix::KeyError;

    let cases = case::all().into_iter().filter(Case::has_public_key);
    check_each(cases, |case| {
        let error = case.keys().err();
        expect_eq("the error", error, Some(KeyError::Ed25519Unsupported))
    });
}

#[test]
fn every_genuine_case_is_rejected_with_one_bit_changed() {
    check_each(case::genuine(), |case| {
        let headers = case.header_map();
        let body = case.body();
        for eighths in [0, 2, 4, 6, 8] {
            for name in case.header_names() {
                let mut forged = headers.clone();
                let range = signed_part(case, name);
                let value = flip_header_bit(&headers[name], bit_at(eighths, &range));
                forged.insert(name, value);
                reject(case, forged, body.clone())
                    .map_err(|failure| format!("{name}, {eighths}/8: {failure}"))?;
            }
            let forged: Bytes = if body.is_empty() {
                // An empty body has no bit to change.
                Bytes::from_static(b"\0")
            } else {
                flip_bit(&body, bit_at(eighths, &(0..body.len()))).into()
            };
            reject(case, headers.clone(), forged)
                .map_err(|failure| format!("body, {eighths}/8: {failure}"))?;
        }
        Ok(())
    });
}

#[test]
fn every_genuine_case_holds_byte_by_byte() {
    check_each(case::genuine(), |case| {
        let body = case.body();
        let bytes =
            (0..body.len()).map(|index| Ok::<_, BrokeOff>(Frame::data(body.slice(index..=index))));
        let layer = case.layer(keys(case)?);
        let body = StreamBody::new(stream::iter(bytes));
        let outcome = deliver(&layer, case.header_map(), body);
        case.judge(outcome.status, &outcome.calls)
    });
}

#[test]
fn every_genuine_case_holds_however_its_body_is_split() {
    check_each(case::genuine(), |case| {
        for seed in 0..8 {
            let layer = case.layer(keys(case)?);
            let body = Script::new(split_at_random(case.body(), seed));
            let outcome = deliver(&layer, case.header_map(), body);
            case.judge(outcome.status, &outcome.calls)
                .map_err(|failure| format!("seed {seed}: {failure}"))?;
        }
        Ok(())
    });
}

#[test]
fn the_cases_are_told_apart_by_their_names() {
    let cases = case::all();
    for (index, case) in cases.iter().enumerate() {
        let repeated = cases[..index].iter().any(|other| other.name == case.name);
        assert!(!repeated, "{} is there twice", case.name);
    }
}

fn through_the_middleware(case: &Case) -> Result<(), String> {
    let secrets = match case.keys() {
        Ok(secrets) => secrets,
        Err(error) => return case.judge_rejected_key(error),
    };
    let outcome = deliver(&case.layer(secrets), case.header_map(), case.script());
    case.judge(outcome.status, &outcome.calls)?;
    expect_eq(
        "status of the rejection in the extensions",
        outcome.rejection.map(|rejection| rejection.status()),
        (case.expect == Expect::Reject).then_some(outcome.status),
    )
}

fn through_the_verifier(
    case: &Case,
    verify: impl Fn(&Verifier, &HeaderMap, &[u8]) -> Result<VerifiedEvent, VerifyError>,
) -> Result<(), String> {
    let secrets = match case.keys() {
        Ok(secrets) => secrets,
        Err(error) => return case.judge_rejected_key(error),
    };
    let verdict = verify(&case.verifier(secrets), &case.header_map(), &case.body());
    let expect = if REJECTED_FOR_THEIR_DELIVERY.contains(&&*case.name) {
        Expect::Accept
    } else {
        case.expect
    };
    match (expect, verdict) {
        (Expect::Accept, Ok(event)) => case.judge_event(&event),
        (Expect::Reject, Err(_)) => Ok(()),
        (_, verdict) => Err(format!("{verdict:?}")),
    }
}

/// Checks that a changed delivery is rejected as not verified.
fn reject(case: &Case, headers: HeaderMap, body: Bytes) -> Result<(), String> {
    let outcome = deliver(&case.layer(keys(case)?), headers, Full::new(body));
    expect_eq("calls of the inner service", outcome.calls.len(), 0)?;
    expect_eq("status", outcome.status.as_u16(), 401)
}

fn keys(case: &Case) -> Result<Vec<VerifyingKey>, String> {
    case.keys().map_err(|error| error.to_string())
}

fn named(names: &[&str]) -> Vec<Case> {
    let cases: Vec<Case> = case::all()
        .into_iter()
        .filter(|case| names.contains(&&*case.name))
        .collect();
    assert_eq!(cases.len(), names.len(), "a listed case is not there");
    cases
}

/// Returns the bytes of a header that the verdict depends on: all bytes of an id or a timestamp, but only the matching
/// signature of a list.
fn signed_part(case: &Case, name: &str) -> Range<usize> {
    let headers = case.header_map();
    if !name.ends_with("-signature") {
        return 0..headers[name].len();
    }
    let [id, timestamp, signatures] = case.header_names().map(|name| headers[name].as_bytes());
    let body = case.body();
    let mut start = 0;
    let mut found = Vec::new();
    for element in signatures.split(|byte| *byte == b' ') {
        // One comma at the end is not part of the element.
        let signature = element.strip_suffix(b",").unwrap_or(element);
        let is_genuine = |secret| sender::is_genuine(secret, signature, id, timestamp, &body);
        if case.secret_texts().any(is_genuine) {
            found.push(start..start + signature.len());
        }
        start += element.len() + 1;
    }
    let [range] = &found[..] else {
        panic!("{}: {} signatures match", case.name, found.len());
    };
    range.clone()
}

/// Returns a bit in `range`: of the first byte for `eighths` 0, of the last for 8.
fn bit_at(eighths: usize, range: &Range<usize>) -> usize {
    let byte = range.start + (range.len() - 1) * eighths / 8;
    byte * 8 + byte % 7
}

/// Splits a body into frames of any length, including empty frames, frames in two pieces, and waits between frames.
fn split_at_random(mut body: Bytes, seed: u64) -> Vec<Step> {
    let mut rng = StdRng::seed_from_u64(seed);
    let longest = (body.len() / 3).max(2);
    let steps = iter::from_fn(|| {
        if body.is_empty() {
            return None;
        }
        if rng.random_ratio(1, 4) {
            return Some(Step::Pending);
        }
        let frame = body.split_to(rng.random_range(0..=longest.min(body.len())));
        let parted_at = rng.random_range(0..=frame.len());
        Some(Step::parted_data(frame, parted_at))
    });
    steps.collect()
}

#[test]
fn the_cases_that_the_promises_name_are_there() {
    let named: Vec<_> = include_str!("../../SECURITY.md")
        .split("case `")
        .skip(1)
        .map(|after| after.split('`').next().expect("a name"))
        .collect();
    assert!(!named.is_empty(), "SECURITY.md names no case");
    let cases = case::all();
    for name in named {
        assert!(
            cases.iter().any(|case| case.name == name),
            "there is no case {name}"
        );
    }
}
