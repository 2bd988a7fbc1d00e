//! Signed requests for tests of handlers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, Request};
use standardwebhooks::Webhook;
use tower_svix::sign::SignedBody;
use tower_svix::test_util::{ManualClock, SignedRequest};
use tower_svix::{Clock, HeaderFamily, Rejection, Secret, SvixVerifyLayer, VerifyError};
use tower_svix_tests::keys::{self, Answer, BODY, ID, NOW, secret, sender, signature, unix_now};

fn signed_request() -> SignedRequest {
    SignedRequest::new(secret(&sender(1)))
}

fn answer(layer: &SvixVerifyLayer, request: Request<SignedBody>) -> Answer {
    let answer = keys::answer(layer, request).now_or_never();
    answer.expect("nothing in it waits")
}

#[test]
fn by_default_it_is_a_post_of_nothing_now() {
    let before = unix_now();
    let request = signed_request().build();
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "/");
    assert_eq!(request.headers()["content-type"], "application/json");
    let timestamp = request.headers()["webhook-timestamp"].to_str().unwrap();
    assert!((before..=unix_now()).contains(&timestamp.parse().unwrap()));
    assert_eq!(request.headers().len(), 4, "{:?}", request.headers());

    // The layer has the clock of the operating system, too.
    let event = answer(&SvixVerifyLayer::new(secret(&sender(1))), request).accepted();
    assert_eq!(event.payload(), "");
}

#[test]
fn the_official_library_takes_it() {
    let request = signed_request().body(BODY).build();
    let webhook = Webhook::new(&sender(1).secret()).unwrap();
    let headers = request.headers().clone();
    webhook
        .verify(&request.into_body().into_bytes(), &headers)
        .unwrap();
}

#[test]
fn each_part_is_as_it_was_set() {
    let request = signed_request()
        .method(Method::PUT)
        .uri("https://hooks.example/webhook?a=b")
        .header(
            HeaderName::from_static("x-tenant"),
            HeaderValue::from_static("acme"),
        )
        .header_family(HeaderFamily::SVIX)
        .id(ID)
        .unix_seconds(NOW)
        .body(BODY)
        .build();
    assert_eq!(request.method(), Method::PUT);
    assert_eq!(request.uri(), "https://hooks.example/webhook?a=b");
    for (name, value) in [
        ("x-tenant", "acme"),
        ("svix-id", ID),
        ("svix-timestamp", &NOW.to_string()),
        ("svix-signature", &signature(&sender(1))),
    ] {
        assert_eq!(request.headers()[name], value, "{name}");
    }
    assert!(!request.headers().contains_key("webhook-signature"));
    assert_eq!(request.into_body().into_bytes(), BODY);
}

#[test]
fn a_request_can_be_signed_with_several_keys() {
    let request = signed_request()
        .also_sign_with(secret(&sender(2)))
        .id(ID)
        .unix_seconds(NOW)
        .body(BODY)
        .build();
    let expected = format!("{} {}", signature(&sender(1)), signature(&sender(2)));
    assert_eq!(request.headers()["webhook-signature"], expected);
}

#[cfg(feature = "ed25519")]
#[test]
fn a_request_can_be_signed_with_a_private_key() {
    use tower_svix_tests::keys_ed25519 as ed25519;

    let sender = ed25519::sender(1);
    let key: tower_svix::SigningKey = ed25519::private_text(&sender).parse().unwrap();
    let request = SignedRequest::new(key).id(ID).unix_seconds(NOW).body(BODY);
    let expected = ed25519::signature(&sender);
    assert_eq!(request.build().headers()["webhook-signature"], expected);
}

#[test]
fn each_one_built_has_an_id_of_its_own_unless_it_was_set() {
    let id = |request: &SignedRequest| request.build().headers()["webhook-id"].clone();
    let random = signed_request();
    let ids: HashSet<_> = (0..100).map(|_| id(&random)).collect();
    assert_eq!(ids.len(), 100);
    let set = signed_request().id(ID);
    assert_eq!([id(&set), id(&set)], [ID, ID]);
}

#[test]
fn what_is_changed_after_it_was_built_is_rejected() {
    let clock = ManualClock::new(NOW);
    let layer = SvixVerifyLayer::new(secret(&sender(1))).clock(clock);
    let build = || signed_request().id(ID).unix_seconds(NOW).body(BODY).build();
    answer(&layer, build()).accepted();

    let mut other_id = build();
    let id = HeaderValue::from_static("msg_other");
    other_id.headers_mut().insert("webhook-id", id);
    answer(&layer, other_id).assert_mismatch();

    let other_body = SignedRequest::new(secret(&sender(1))).body("{}").build();
    let forged = build().map(|_| other_body.into_body());
    answer(&layer, forged).assert_mismatch();
}

#[test]
fn the_manual_clock_stands_still_until_it_is_set_and_is_shared_by_its_clones() {
    let clock = ManualClock::new(NOW);
    let layer = SvixVerifyLayer::new(secret(&sender(1))).clock(clock.clone());
    let request = signed_request().unix_seconds(NOW);
    let rejected = |error| Some(Rejection::Unverified(error));

    assert_eq!(answer(&layer, request.build()).rejection, None);
    clock.advance(300);
    assert_eq!(answer(&layer, request.build()).rejection, None);
    clock.advance(1);
    let answered = answer(&layer, request.build());
    assert_eq!(
        answered.rejection,
        rejected(VerifyError::TimestampTooOld { seconds: 301 })
    );
    clock.set(NOW - 301);
    let answered = answer(&layer, request.build());
    assert_eq!(
        answered.rejection,
        rejected(VerifyError::TimestampTooNew { seconds: 301 })
    );
    assert_eq!(clock.unix_seconds(), Some(NOW - 301));
}

#[test]
fn a_request_that_cannot_be_signed_is_a_panic_that_says_why() {
    let message = |request: SignedRequest| {
        let panic = catch_unwind(AssertUnwindSafe(|| request.build())).unwrap_err();
        *panic.downcast::<String>().unwrap()
    };
    assert!(message(signed_request().id("msg.1")).contains("full stop"));
    assert!(message(signed_request().id("")).contains("id"));
    let request = signed_request();
    let panic = catch_unwind(AssertUnwindSafe(|| request.uri("not a URI"))).unwrap_err();
    assert!(panic.downcast::<String>().unwrap().contains("uri"));
}

#[test]
fn debug_shows_no_key_and_no_signature() {
    let text = sender(1).secret();
    let key: Secret = text.parse().unwrap();
    let shown = format!("{:?}", SignedRequest::new(key).id(ID));
    assert!(
        !shown.contains(text.trim_start_matches("whsec_")),
        "{shown}"
    );
    assert!(!shown.contains("v1,"), "{shown}");
}
