//! What makes two deliveries the same event: the sender's id, or a key that the user sets.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::poll;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde::Deserialize;
use tower::ServiceExt as _;
use tower_svix::idempotency::{EventKey, Fingerprint, MemoryStore, Outcome, Store as _};
use tower_svix::{IdempotencyLayer, Keyring, Secret, SvixVerifyLayer};
use tower_svix_tests::net::{self, Delivery, SECRET};
use tower_svix_tests::run_counting_polls;

use super::{Handler, Seen, deliver, receiver, receiver_behind, remote};

fn signed(id: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let delivery = Delivery::genuine(id, body);
    let mut request = Request::new(Full::new(delivery.body.clone()));
    *request.headers_mut() = delivery.headers();
    request
}

#[derive(Deserialize)]
struct Payload {
    id: String,
}

/// The id in the payload is the key.
fn by_payload(layer: IdempotencyLayer) -> IdempotencyLayer {
    layer.key(|event| match event.json::<Payload>() {
        Ok(payload) => EventKey::new(event.tenant(), &format!("payload.{}", payload.id)),
        Err(_) => EventKey::from(event),
    })
}

/// The id in the header and the payload are the key.
fn by_both(layer: IdempotencyLayer) -> IdempotencyLayer {
    layer.key(|event| {
        let fingerprint = Fingerprint::of(event.payload());
        EventKey::new(event.tenant(), &format!("{}:{fingerprint}", event.id()))
    })
}

/// Each case has two deliveries, with an id and a body.
#[tokio::test]
async fn the_key_of_an_event_is_the_users_to_choose() {
    type Configure = fn(IdempotencyLayer) -> IdempotencyLayer;
    let by_default: Configure = |layer| layer;
    for (name, configure, [first, second], outcome) in [
        (
            "the default, a new id for each attempt (Supabase, Iron)",
            by_default,
            [("msg_1", r#"{"id":"a"}"#), ("msg_2", r#"{"id":"a"}"#)],
            Outcome::Processed,
        ),
        (
            "by the payload, a new id for each attempt",
            by_payload,
            [("msg_1", r#"{"id":"a"}"#), ("msg_2", r#"{"id":"a"}"#)],
            Outcome::Replayed,
        ),
        (
            "the default, one id for all events of an endpoint (Sent)",
            by_default,
            [("msg_1", r#"{"id":"a"}"#), ("msg_1", r#"{"id":"b"}"#)],
            Outcome::PayloadDiffers,
        ),
        (
            "by the payload, one id for all events of an endpoint",
            by_payload,
            [("msg_1", r#"{"id":"a"}"#), ("msg_1", r#"{"id":"b"}"#)],
            Outcome::Processed,
        ),
        (
            "by both, several payloads under one id (PostHog)",
            by_both,
            [("msg_1", r#"{"id":"a"}"#), ("msg_1", r#"{"id":"b"}"#)],
            Outcome::Processed,
        ),
        (
            "by both, a duplicate",
            by_both,
            [("msg_1", r#"{"id":"a"}"#), ("msg_1", r#"{"id":"a"}"#)],
            Outcome::Replayed,
        ),
        (
            "by the payload, which has no id",
            by_payload,
            [("msg_1", "{}"), ("msg_1", "{}")],
            Outcome::Replayed,
        ),
        (
            "by the payload, which has no id, of another event",
            by_payload,
            [("msg_1", "{}"), ("msg_2", "{}")],
            Outcome::Processed,
        ),
        (
            "by the payload, whose id is the other's in the header",
            by_payload,
            [("a", "{}"), ("msg_2", r#"{"id":"a"}"#)],
            Outcome::Processed,
        ),
        (
            "by the payload, which an id of a header imitates",
            by_payload,
            [("payload:a", "{}"), ("msg_2", r#"{"id":"a"}"#)],
            Outcome::Processed,
        ),
    ] {
        let handler = Handler::default();
        let layer = configure(IdempotencyLayer::new(MemoryStore::new()));
        let service = receiver(layer, &handler);
        let deliver = async |(id, body): (&str, &'static str)| {
            let seen = deliver(&service, signed(id, body)).await.unwrap();
            seen.outcome
        };
        assert_eq!(deliver(first).await, Outcome::Processed, "{name}");
        assert_eq!(deliver(second).await, outcome, "{name}");
        let calls = 1 + usize::from(outcome == Outcome::Processed);
        assert_eq!(handler.calls(), calls, "{name}");
    }
}

#[tokio::test]
async fn tenants_stay_apart_under_a_key_of_the_users() {
    let handler = Handler::default();
    let layer = by_payload(IdempotencyLayer::new(MemoryStore::new()));
    for tenant in ["acme", "globex"] {
        let secret: Secret = SECRET.parse().unwrap();
        let verify = SvixVerifyLayer::new(Keyring::from(secret).tenant(tenant));
        let service = receiver_behind(verify, layer.clone(), &handler);
        let seen = deliver(&service, signed("msg_1", r#"{"id":"a"}"#)).await;
        assert_eq!(seen.unwrap().outcome, Outcome::Processed, "{tenant}");
    }
}

/// It may be an event that was never processed. The sender keeps it, and the operator sees it in the log.
#[tokio::test]
async fn another_payload_under_a_completed_key_is_not_swallowed() {
    let handler = Handler::default();
    let layer = IdempotencyLayer::new(MemoryStore::new());
    let service = receiver(layer.clone(), &handler);
    let (one, other) = (r#"{"n":1}"#, r#"{"n":2}"#);
    deliver(&service, signed("msg_1", one)).await.unwrap();

    for _ in 0..2 {
        let seen = deliver(&service, signed("msg_1", other)).await.unwrap();
        assert_eq!(seen.outcome, Outcome::PayloadDiffers);
        assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(seen.retry_after.is_some());
        assert_eq!(seen.code(), "payload-differs");
        assert_eq!(
            seen.detail(),
            "another payload was processed under the same key before"
        );
        // The first event is remembered.
        let seen = deliver(&service, signed("msg_1", one)).await.unwrap();
        assert_eq!(seen.outcome, Outcome::Replayed);
    }
    assert_eq!(handler.calls(), 1);

    // For senders that change the payload between attempts.
    let any = receiver(layer.clone().any_payload(), &handler);
    let seen = deliver(&any, signed("msg_1", other)).await.unwrap();
    assert_eq!(
        (seen.status, seen.outcome),
        (StatusCode::OK, Outcome::Replayed)
    );

    // Once the key distinguishes it, the sender's next attempt is processed.
    let apart = receiver(by_both(layer), &handler);
    let seen = deliver(&apart, signed("msg_1", other)).await.unwrap();
    assert_eq!(seen.outcome, Outcome::Processed);
}

#[tokio::test]
async fn another_payload_under_a_running_or_failed_key_waits_or_is_processed() {
    let (store, _) = remote();
    let service = receiver(IdempotencyLayer::new(store.clone()), &Handler::failing(1));
    store.release.stick(true);
    let mut first = pin!(deliver(&service, signed("msg_1", "1")));
    assert!(poll!(&mut first).is_pending());
    let seen = deliver(&service, signed("msg_1", "2")).await.unwrap();
    assert!(
        matches!(seen.outcome, Outcome::InProgress { .. }),
        "{seen:?}"
    );
    store.release.stick(false);
    assert_eq!(first.await.unwrap().outcome, Outcome::Released);
    let seen = deliver(&service, signed("msg_1", "2")).await.unwrap();
    assert_eq!(seen.outcome, Outcome::Processed);
    let seen = deliver(&service, signed("msg_1", "1")).await.unwrap();
    assert_eq!(seen.outcome, Outcome::PayloadDiffers);
}

#[tokio::test]
async fn an_event_that_is_forgotten_by_hand_is_processed_again() {
    let handler = Handler::default();
    let store = Arc::new(MemoryStore::new());
    let service = receiver(IdempotencyLayer::new(Arc::clone(&store)), &handler);
    let deliver = async || -> Seen { deliver(&service, signed("msg_1", "{}")).await.unwrap() };
    deliver().await;
    assert_eq!(deliver().await.outcome, Outcome::Replayed);
    let key = EventKey::new(None, "msg_1");
    assert!(store.forget(&key).await.unwrap());
    assert!(!store.forget(&key).await.unwrap());
    assert_eq!(deliver().await.outcome, Outcome::Processed);
    assert_eq!(handler.calls(), 2);
}

/// A payload is hashed for its fingerprint, for the first delivery and for a duplicate.
#[test]
fn no_poll_hashes_more_of_a_payload_than_other_tasks_can_wait_for() {
    const LEN: usize = 4 * 1024 * 1024;
    let body = Bytes::from(vec![b'a'; LEN]);
    let layer = IdempotencyLayer::new(MemoryStore::new());
    let deliver = |layer: &IdempotencyLayer| {
        let verify = net::layer().body_limit(LEN);
        let service = receiver_behind(verify, layer.clone(), &Handler::default());
        let (response, polls) = run_counting_polls(service.oneshot(signed("msg_1", body.clone())));
        let outcome: Outcome = *response.unwrap().extensions().get().unwrap();
        (outcome, polls)
    };
    let first = deliver(&layer);
    let duplicate = deliver(&layer);
    // Its payload is not hashed.
    let baseline = deliver(&layer.any_payload());
    assert_eq!(baseline.0, Outcome::Replayed);
    for (found, expected) in [(first, Outcome::Processed), (duplicate, Outcome::Replayed)] {
        let (outcome, polls) = found;
        assert_eq!(outcome, expected);
        let more = polls - baseline.1;
        // With too many polls, a large payload would be slow.
        let budgets = LEN / (128 * 1024);
        assert!(
            (budgets - 1..=budgets).contains(&more),
            "{outcome:?}: {more} polls"
        );
    }
}
