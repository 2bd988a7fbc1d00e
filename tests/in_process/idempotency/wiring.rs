//! The middleware between verification and the inner service.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::poll;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::limit::ConcurrencyLimit;
use tower::{Layer as _, Service as _, ServiceBuilder, service_fn};
use tower_svix::idempotency::{MemoryStore, Outcome, Store};
use tower_svix::{IdempotencyLayer, VerifiedBody};
use tower_svix_tests::net::{self, within};
use tower_test::mock;

use super::{Handler, deliver, request};

#[tokio::test]
async fn a_request_without_an_event_is_a_wiring_mistake() {
    let handler = Handler::default();
    let inner = {
        let handler = handler.clone();
        service_fn(move |_: Request<Full<Bytes>>| {
            let response = handler.call();
            async move { Ok::<_, Infallible>(response) }
        })
    };
    // Outside of verification, or without it, which has the same effect here.
    let service = IdempotencyLayer::new(MemoryStore::new()).layer(inner);
    let seen = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(seen.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        (&*seen.code(), seen.outcome),
        ("event-missing", Outcome::EventMissing)
    );
    assert_eq!(handler.calls(), 0);
}

#[tokio::test]
async fn the_inner_service_is_asked_for_room_after_the_claim_only() {
    let (mock, mut handle) = mock::pair::<Request<VerifiedBody>, Response<Full<Bytes>>>();
    let service = ServiceBuilder::new()
        .layer(net::layer())
        .layer(IdempotencyLayer::new(MemoryStore::new()))
        .service(mock);
    handle.allow(0);
    let mut first = pin!(deliver(&service, request("msg_1")));
    assert!(poll!(&mut first).is_pending());
    // A duplicate gets its response although there is no room.
    let duplicate = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(duplicate.status, StatusCode::SERVICE_UNAVAILABLE);

    handle.allow(1);
    assert!(poll!(&mut first).is_pending());
    let (_, answer) = within(handle.next_request()).await.unwrap();
    answer.send_response(Response::default());
    assert_eq!(first.await.unwrap().outcome, Outcome::Processed);
}

#[test]
fn a_layer_shows_how_it_is_configured() {
    let layer = IdempotencyLayer::new(MemoryStore::new());
    assert_eq!(
        format!("{layer:?}"),
        "IdempotencyLayer { config: Config { key: \"tenant and id\", lease: 60s, retention: 345600s, \
         processed: \"2xx\", fail_open: false, any_payload: false, .. } }"
    );
    let layer = layer
        .lease(Duration::from_secs(5))
        .key(|event| event.into())
        .processed_if(|_| true)
        .fail_open()
        .any_payload();
    assert_eq!(
        format!("{layer:?}"),
        "IdempotencyLayer { config: Config { key: \"custom\", lease: 5s, retention: 345600s, \
         processed: \"custom\", fail_open: true, any_payload: true, .. } }"
    );
}

#[test]
fn layer_service_and_future_go_wherever_their_parts_go() {
    fn shared<T: Clone + Send + Sync + 'static>(value: T) -> T {
        value
    }
    fn sent<T: Send + 'static>(_: T) {}

    async fn inner(_: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
        Ok(Response::default())
    }

    fn check(store: impl Store) {
        let layer = shared(IdempotencyLayer::new(Arc::new(store)));
        let mut service = shared(layer.layer(ConcurrencyLimit::new(service_fn(inner), 1)));
        sent(service.call(request("msg_1")));
    }
    check(MemoryStore::new());
}
