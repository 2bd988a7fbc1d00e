//! Several layers for one request.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::ServiceBuilder;
use tower::util::BoxCloneSyncService;
use tower_svix::idempotency::{EventKey, MemoryStore, Outcome, Store};
use tower_svix::{IdempotencyLayer, ResponseBody, VerifiedBody};
use tower_svix_tests::net;
use tower_svix_tests::stores::{LEASE, token};

use super::{Body, Handler, deliver, remote, request};

type Nested = BoxCloneSyncService<Request<Full<Bytes>>, Response<ResponseBody<Body>>, Infallible>;

/// Returns a receiver with one layer inside the other.
fn nested(outer: IdempotencyLayer, inner: IdempotencyLayer, handler: &Handler) -> Nested {
    let handler = handler.clone();
    let service = ServiceBuilder::new()
        .layer(net::layer())
        .layer(outer)
        .layer(inner)
        .service_fn(move |_: Request<VerifiedBody>| ready(Ok(handler.call())));
    BoxCloneSyncService::new(service)
}

#[tokio::test]
async fn two_layers_that_share_a_store_are_a_wiring_mistake() {
    let store = Arc::new(MemoryStore::new());
    let handler = Handler::default();
    // Each of them has its own handle.
    let layer = || IdempotencyLayer::new(Arc::clone(&store));
    let service = nested(layer(), layer(), &handler);
    for _ in 0..2 {
        let seen = deliver(&service, request("msg_1")).await.unwrap();
        assert_eq!(seen.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(seen.code(), "layers-share-store");
        assert_eq!(
            seen.detail(),
            "two of the receiver's layers look for duplicates in the same store"
        );
        assert_eq!(seen.outcome, Outcome::Released, "that of the outer layer");
    }
    assert_eq!(handler.calls(), 0);
    assert!(store.is_empty(), "nothing stays claimed");

    // With one layer, the event is processed.
    let service = super::receiver(layer(), &handler);
    let seen = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(seen.outcome, Outcome::Processed);
}

#[tokio::test]
async fn a_layer_between_the_two_does_not_hide_the_mistake() {
    let store = Arc::new(MemoryStore::new());
    let handler = Handler::default();
    let layer = || IdempotencyLayer::new(Arc::clone(&store));
    let between = IdempotencyLayer::new(MemoryStore::new());
    let inner = handler.clone();
    let service = ServiceBuilder::new()
        .layer(net::layer())
        .layer(layer())
        .layer(between)
        .layer(layer())
        .service_fn(move |_: Request<VerifiedBody>| ready(Ok::<_, Infallible>(inner.call())));
    let seen = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(seen.code(), "layers-share-store");
    assert_eq!(handler.calls(), 0);
}

#[tokio::test]
async fn two_layers_with_a_store_each_work() {
    let handler = Handler::default();
    let layer = || IdempotencyLayer::new(MemoryStore::new());
    let service = nested(layer(), layer(), &handler);
    for outcome in [Outcome::Processed, Outcome::Replayed] {
        let seen = deliver(&service, request("msg_1")).await.unwrap();
        assert_eq!(seen.outcome, outcome);
    }
    assert_eq!(handler.calls(), 1);
}

/// With two keys, they do not affect each other.
#[tokio::test]
async fn two_layers_with_a_key_each_can_share_a_store() {
    let store = Arc::new(MemoryStore::new());
    let handler = Handler::default();
    let layer = || IdempotencyLayer::new(Arc::clone(&store));
    let outer = layer().key(|event| EventKey::new(event.tenant(), &format!("all:{}", event.id())));
    let service = nested(outer, layer(), &handler);
    for outcome in [Outcome::Processed, Outcome::Replayed] {
        let seen = deliver(&service, request("msg_1")).await.unwrap();
        assert_eq!(seen.outcome, outcome);
    }
    assert_eq!(handler.calls(), 1);
}

/// An event in progress elsewhere is not a mistake of the wiring.
#[tokio::test]
async fn a_duplicate_of_a_running_event_in_the_inner_store_is_one() {
    let (inner, _) = remote();
    let key = EventKey::new(None, "msg_1");
    inner.claim(&key, token(), LEASE).await.unwrap();
    let handler = Handler::default();
    let outer = IdempotencyLayer::new(MemoryStore::new());
    let service = nested(outer, IdempotencyLayer::new(inner), &handler);
    let seen = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(seen.code(), "event-in-progress");
    assert_eq!(handler.calls(), 0);
}

/// If a store does not answer, nothing is known about the layers.
#[tokio::test]
async fn a_failing_trial_is_answered_as_any_duplicate() {
    for (trial_fails, code) in [(true, "event-in-progress"), (false, "layers-share-store")] {
        let (inner, _) = remote();
        let mut outer = inner.clone();
        outer.claim = Arc::default();
        let line = Arc::clone(&outer.claim);
        let handler = Handler::default();
        let called = handler.clone();
        let service = ServiceBuilder::new()
            .layer(net::layer())
            .layer(IdempotencyLayer::new(outer))
            // The outer layer has its claim by now. What is lost next is the reply to the trial.
            .map_request(move |request: Request<VerifiedBody>| {
                line.lose_replies(trial_fails);
                request
            })
            .layer(IdempotencyLayer::new(inner))
            .service_fn(move |_: Request<VerifiedBody>| ready(Ok::<_, Infallible>(called.call())));
        let seen = deliver(&service, request("msg_1")).await.unwrap();
        assert_eq!(seen.code(), code);
        assert_eq!(seen.outcome, Outcome::Released, "that of the outer layer");
        assert_eq!(handler.calls(), 0);
    }
}
