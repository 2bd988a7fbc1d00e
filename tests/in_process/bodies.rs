//! Bodies that do all that a body may do, and some things that it must not do.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tower_svix::{Rejection, VerifyError};
use tower_svix_tests::body::{EndStream, Script, Step, Untouchable};
use tower_svix_tests::clock::Broken;
use tower_svix_tests::deliver;
use tower_svix_tests::fixture::{
    BODY, NOW, assert_accepted, assert_rejected, layer, sender, signed,
};

fn script(steps: impl IntoIterator<Item = Step>) -> Script {
    Script::new(steps)
}

fn data(bytes: &'static [u8]) -> Step {
    Step::data(Bytes::from_static(bytes))
}

#[test]
fn a_body_of_the_limit_is_accepted_and_one_more_byte_is_not() {
    for (limit, too_large) in [
        (BODY.len(), false),
        (BODY.len() - 1, true),
        (0, true),
        (usize::MAX, false),
    ] {
        let (first, second) = BODY.split_at(20);
        for steps in [vec![data(BODY)], vec![data(first), data(second)]] {
            let outcome = deliver(&layer().body_limit(limit), signed(BODY), script(steps));
            if too_large {
                assert_rejected(&outcome, Rejection::BodyTooLarge);
            } else {
                assert_accepted(&outcome, BODY);
            }
        }
    }
}

#[test]
fn an_empty_body_is_accepted_under_a_limit_of_zero() {
    let outcome = deliver(&layer().body_limit(0), signed(b""), script([data(b"")]));
    assert_accepted(&outcome, b"");
}

#[test]
fn a_body_that_breaks_off_is_rejected_whatever_came_before() {
    // Each is signed over what arrives, so that only the error can be the cause of the rejection.
    for (name, signed_over, steps) in [
        ("at once", &b""[..], vec![Step::Error]),
        (
            "in the middle",
            &BODY[..9],
            vec![data(&BODY[..9]), Step::Error],
        ),
        ("after everything", BODY, vec![data(BODY), Step::Error]),
        (
            "after an empty frame",
            BODY,
            vec![data(BODY), data(b""), Step::Error],
        ),
        (
            "after a wait",
            BODY,
            vec![data(BODY), Step::Pending, Step::Error],
        ),
        (
            "after the trailers",
            BODY,
            vec![data(BODY), Step::Trailers(Box::default()), Step::Error],
        ),
    ] {
        let outcome = deliver(&layer(), signed(signed_over), script(steps));
        assert_eq!(outcome.rejection, Some(Rejection::BodyUnreadable), "{name}");
        assert_eq!(outcome.status, StatusCode::SERVICE_UNAVAILABLE, "{name}");
        assert!(outcome.calls.is_empty(), "{name}");
    }
}

#[test]
fn a_body_that_claims_too_much_is_rejected_unread() {
    struct Claims(u64);

    impl Body for Claims {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            panic!("read");
        }

        fn size_hint(&self) -> SizeHint {
            let mut hint = SizeHint::new();
            hint.set_lower(self.0);
            hint
        }
    }

    let limit = 2 * 1024 * 1024;
    for claim in [limit + 1, 1 << 40, u64::MAX] {
        let outcome = deliver(&layer(), signed(BODY), Claims(claim));
        assert_rejected(&outcome, Rejection::BodyTooLarge);
    }
}

#[test]
fn a_content_length_beyond_the_limit_is_rejected_unread() {
    let limit = 2 * 1024 * 1024;
    for length in [limit + 1, 1 << 40, u64::MAX] {
        let mut headers = signed(BODY);
        headers.insert(CONTENT_LENGTH, length.into());
        let outcome = deliver(&layer(), headers, Untouchable);
        assert_rejected(&outcome, Rejection::BodyTooLarge);
    }
}

#[test]
fn a_false_claim_of_length_within_the_limit_changes_nothing() {
    let limit = 2 * 1024 * 1024;
    let (first, second) = BODY.split_at(20);
    for claim in [0, 1, BODY.len() as u64 - 1, 1_000_000, limit] {
        let body = script([data(first), data(second)]).size_hint_lower(claim);
        assert_accepted(&deliver(&layer(), signed(BODY), body), BODY);

        let mut headers = signed(BODY);
        headers.insert(CONTENT_LENGTH, claim.into());
        let body = script([data(first), data(second)]);
        assert_accepted(&deliver(&layer(), headers, body), BODY);
    }
}

#[test]
fn a_content_length_that_is_no_number_is_not_believed() {
    for length in ["", "many", "-1", "18446744073709551616", "44, 44"] {
        let mut headers = signed(BODY);
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static(length));
        let outcome = deliver(&layer(), headers.clone(), script([data(BODY)]));
        assert_accepted(&outcome, BODY);
        let outcome = deliver(&layer().body_limit(9), headers, script([data(BODY)]));
        assert_rejected(&outcome, Rejection::BodyTooLarge);
    }
}

#[test]
fn a_content_length_with_a_sign_is_not_believed() {
    // HTTP allows only digits (RFC 9110, section 8.6). Rust's parser would also accept a plus.
    let mut headers = signed(BODY);
    headers.insert(CONTENT_LENGTH, HeaderValue::from_static("+1000"));
    let outcome = deliver(&layer().body_limit(999), headers, script([data(BODY)]));
    assert_accepted(&outcome, BODY);
}

#[test]
fn a_request_with_invalid_headers_is_answered_without_reading_the_body() {
    type Change = fn(&mut HeaderMap);
    let rows: &[(&str, Change, VerifyError)] = &[
        ("nothing there", HeaderMap::clear, VerifyError::NoHeaders),
        (
            "no signature",
            |headers| drop(headers.remove("webhook-signature")),
            VerifyError::MissingHeader("webhook-signature"),
        ),
        (
            "two ids",
            |headers| {
                headers.append("webhook-id", HeaderValue::from_static("other"));
            },
            VerifyError::DuplicateHeader("webhook-id"),
        ),
        (
            "dotted id",
            |headers| drop(headers.insert("webhook-id", HeaderValue::from_static("a.b"))),
            VerifyError::MalformedHeader("webhook-id"),
        ),
        (
            "timestamp in words",
            |headers| drop(headers.insert("webhook-timestamp", HeaderValue::from_static("now"))),
            VerifyError::MalformedTimestamp,
        ),
        (
            "too old",
            |headers| drop(headers.insert("webhook-timestamp", (NOW - 301).into())),
            VerifyError::TimestampTooOld { seconds: 301 },
        ),
        (
            "too new",
            |headers| drop(headers.insert("webhook-timestamp", (NOW + 301).into())),
            VerifyError::TimestampTooNew { seconds: 301 },
        ),
        (
            "unknown version",
            |headers| drop(headers.insert("webhook-signature", HeaderValue::from_static("v9,x"))),
            VerifyError::NoSupportedSignature,
        ),
    ];
    for (name, change, error) in rows {
        let mut headers = signed(BODY);
        change(&mut headers);
        let outcome = deliver(&layer(), headers, Untouchable);
        let expected = Rejection::Unverified(*error);
        assert_eq!(outcome.rejection, Some(expected), "{name}");
        assert_eq!(outcome.status, expected.status(), "{name}");
        assert!(outcome.calls.is_empty(), "{name}");
    }

    let outcome = deliver(&layer().clock(Broken), signed(BODY), Untouchable);
    assert_rejected(
        &outcome,
        Rejection::Unverified(VerifyError::ClockUnavailable),
    );
    assert_eq!(outcome.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn is_end_stream_is_not_relied_on() {
    let (first, second) = BODY.split_at(20);
    for end_stream in [EndStream::Known, EndStream::Never, EndStream::Always] {
        let steps = [data(first), Step::Pending, data(second), Step::Pending];
        let body = script(steps).end_stream(end_stream);
        assert_accepted(&deliver(&layer(), signed(BODY), body), BODY);
    }
}

#[test]
fn trailers_are_dropped_and_stand_in_for_no_header() {
    let genuine = signed(BODY);
    let trailers = || Step::Trailers(Box::new(signed(BODY)));

    let outcome = deliver(&layer(), genuine.clone(), script([data(BODY), trailers()]));
    assert_accepted(&outcome, BODY);

    let mut forged = genuine;
    let wrong = sender().sign(b"other", b"1", BODY);
    forged.insert("webhook-signature", wrong.parse().expect("visible ASCII"));
    let outcome = deliver(&layer(), forged, script([data(BODY), trailers()]));
    assert_rejected(
        &outcome,
        Rejection::Unverified(VerifyError::SignatureMismatch),
    );
}
