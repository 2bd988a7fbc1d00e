//! The response to a duplicate.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::poll;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::sync::Semaphore;
use tower::ServiceBuilder;
use tower_svix::idempotency::{EventKey, MemoryStore, Outcome, Store as _};
use tower_svix::{IdempotencyLayer, Keyring, Secret, SvixVerifyLayer, VerifiedBody};
use tower_svix_tests::net::{self, SECRET};
use tower_svix_tests::stores::token;

use super::{Handler, RETENTION, deliver, receiver, remote, request};

#[tokio::test]
async fn a_processed_event_is_not_processed_again() {
    let handler = Handler::default();
    let (store, time) = remote();
    let service = receiver(IdempotencyLayer::new(store), &handler);

    let first = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!((first.status, &*first.body), (StatusCode::OK, "done"));
    assert_eq!(first.outcome, Outcome::Processed);
    assert!(!first.replayed);

    time.pass(RETENTION.saturating_sub(Duration::from_secs(1)));
    let duplicate = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(duplicate.status, StatusCode::OK);
    assert_eq!(
        duplicate.body,
        "the event had been processed before: nothing was processed again\n"
    );
    assert_eq!(duplicate.outcome, Outcome::Replayed);
    assert!(duplicate.replayed);
    assert_eq!(handler.calls(), 1);

    let other = deliver(&service, request("msg_2")).await.unwrap();
    assert_eq!(other.outcome, Outcome::Processed);
    time.pass(Duration::from_secs(1));
    let forgotten = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(forgotten.outcome, Outcome::Processed);
    assert_eq!(handler.calls(), 3);
}

#[tokio::test]
async fn a_duplicate_of_a_running_event_is_asked_to_come_back() {
    let gate = Arc::new(Semaphore::new(0));
    let (store, time) = remote();
    let service = ServiceBuilder::new()
        .layer(net::layer())
        .layer(IdempotencyLayer::new(store))
        .service_fn({
            let gate = Arc::clone(&gate);
            move |_: Request<VerifiedBody>| {
                let gate = Arc::clone(&gate);
                async move {
                    gate.acquire().await.unwrap().forget();
                    Ok::<_, Infallible>(Response::new(Full::from("done")))
                }
            }
        });
    let mut first = pin!(deliver(&service, request("msg_1")));
    assert!(poll!(&mut first).is_pending());

    for (passed, left) in [(0, "60"), (20_500, "40"), (500, "39"), (38_999, "1")] {
        time.pass(Duration::from_millis(passed));
        let duplicate = deliver(&service, request("msg_1")).await.unwrap();
        assert_eq!(duplicate.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(duplicate.retry_after.as_deref(), Some(left));
        assert_eq!(duplicate.code(), "event-in-progress");
        assert_eq!(
            duplicate.detail(),
            "another delivery of the event is being processed"
        );
        assert!(matches!(duplicate.outcome, Outcome::InProgress { .. }));
    }

    gate.add_permits(1);
    assert_eq!(first.await.unwrap().outcome, Outcome::Processed);
    let duplicate = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(duplicate.outcome, Outcome::Replayed);
}

#[tokio::test]
async fn of_many_concurrent_deliveries_one_is_processed() {
    let handler = Handler::default();
    let service = receiver(IdempotencyLayer::new(MemoryStore::new()), &handler);
    let deliveries = (0..200).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { deliver(&service, request("msg_1")).await.unwrap().outcome })
    });
    let outcomes: Vec<_> = futures_util::future::join_all(deliveries)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let processed = outcomes
        .iter()
        .filter(|outcome| **outcome == Outcome::Processed);
    assert_eq!(processed.count(), 1);
    assert_eq!(handler.calls(), 1);
}

#[tokio::test]
async fn tenants_with_the_same_id_do_not_suppress_each_other() {
    let handler = Handler::default();
    let layer = IdempotencyLayer::new(MemoryStore::new());
    let service = |name: Option<&str>| {
        let secret: Secret = SECRET.parse().unwrap();
        let keyring = Keyring::from(secret);
        let keyring = match name {
            Some(name) => keyring.tenant(name),
            None => keyring,
        };
        let handler = handler.clone();
        ServiceBuilder::new()
            .layer(SvixVerifyLayer::new(keyring))
            .layer(layer.clone())
            .service_fn(move |_: Request<VerifiedBody>| {
                let response = handler.call();
                async move { Ok::<_, Infallible>(response) }
            })
    };
    for name in [None, Some("acme"), Some("globex"), Some("")] {
        let first = deliver(&service(name), request("msg_1")).await.unwrap();
        assert_eq!(first.outcome, Outcome::Processed, "{name:?}");
        let duplicate = deliver(&service(name), request("msg_1")).await.unwrap();
        assert_eq!(duplicate.outcome, Outcome::Replayed, "{name:?}");
    }
    assert_eq!(handler.calls(), 4);
}

#[tokio::test]
async fn a_retry_after_a_rotation_is_still_a_duplicate() {
    let other = concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let keys = [other, SECRET].map(|secret| secret.parse::<Secret>().unwrap());
    let handler = Handler::default();
    let layer = IdempotencyLayer::new(MemoryStore::new());
    let before = receiver(layer.clone(), &handler);
    deliver(&before, request("msg_1")).await.unwrap();

    let handler_after = handler.clone();
    let after = ServiceBuilder::new()
        .layer(SvixVerifyLayer::new(keys))
        .layer(layer)
        .service_fn(move |_: Request<VerifiedBody>| {
            let response = handler_after.call();
            async move { Ok::<_, Infallible>(response) }
        });
    let duplicate = deliver(&after, request("msg_1")).await.unwrap();
    assert_eq!(duplicate.outcome, Outcome::Replayed);
    assert_eq!(handler.calls(), 1);
}

/// If a sender waited for the whole of a long lease, it might have no attempt left.
#[tokio::test]
async fn a_sender_is_asked_to_wait_for_a_minute_at_most() {
    let store = Arc::new(MemoryStore::new());
    let key = EventKey::new(None, "msg_1");
    let lease = Duration::from_secs(24 * 60 * 60);
    store.claim(&key, token(), lease).await.unwrap();
    let layer = IdempotencyLayer::new(store).lease(lease);
    let service = receiver(layer, &Handler::default());
    let seen = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(seen.code(), "event-in-progress");
    assert_eq!(seen.retry_after.as_deref(), Some("60"));
}
