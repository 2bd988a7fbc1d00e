//! gRPC calls, whose result is not in the HTTP status.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version};
use http_body_util::Full;
use tonic::{Code, Status};
use tower::{ServiceBuilder, ServiceExt as _};
use tower_svix::idempotency::{MemoryStore, Outcome};
use tower_svix::{IdempotencyLayer, VerifiedBody, VerifiedEvent};
use tower_svix_tests::net;

use super::{Handler, deliver, receiver, remote, request};

fn call(id: &str) -> Request<Full<Bytes>> {
    as_call(request(id))
}

fn as_call(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    let grpc = HeaderValue::from_static("application/grpc");
    request.headers_mut().insert("content-type", grpc);
    *request.version_mut() = Version::HTTP_2;
    request
}

#[tokio::test]
async fn a_call_that_fails_with_a_status_of_200_is_not_processed() {
    let mut failed = Status::unavailable("busy").into_http::<Full<Bytes>>();
    assert_eq!(failed.status(), 200);
    let mut fine = Response::new(Full::default());
    let ok = HeaderValue::from_static("0");
    fine.headers_mut().insert("grpc-status", ok);
    failed.headers_mut().remove("content-type");
    let answers = Arc::new(Mutex::new(VecDeque::from([failed, fine])));

    let service = ServiceBuilder::new()
        .layer(net::layer())
        .layer(IdempotencyLayer::new(MemoryStore::new()))
        .service_fn(move |_: Request<VerifiedBody>| {
            let answer = answers.lock().unwrap().pop_front().unwrap();
            ready(Ok::<_, Infallible>(answer))
        });
    for expected in [Outcome::Released, Outcome::Processed, Outcome::Replayed] {
        let answer = deliver(&service, call("msg_1")).await.unwrap();
        assert_eq!(answer.outcome, expected);
    }
}

/// Returns the status that a tonic client sees.
async fn status(layer: IdempotencyLayer, handler: &Handler, call: Request<Full<Bytes>>) -> Status {
    let response = receiver(layer, handler).oneshot(call).await.unwrap();
    Status::from_header_map(response.headers()).expect("the status of gRPC")
}

#[tokio::test]
async fn a_duplicate_call_is_told_in_terms_of_grpc() {
    let layer = IdempotencyLayer::new(MemoryStore::new());
    let handler = Handler::default();
    deliver(&receiver(layer.clone(), &handler), call("msg_1"))
        .await
        .unwrap();
    let status = status(layer, &handler, call("msg_1")).await;
    assert_eq!(status.code(), Code::AlreadyExists);
    assert!(
        status.message().starts_with("replayed: "),
        "{}",
        status.message()
    );
    assert_eq!(handler.calls(), 1);
}

#[tokio::test]
async fn a_call_with_another_payload_is_told_in_terms_of_grpc() {
    let layer = IdempotencyLayer::new(MemoryStore::new());
    let handler = Handler::default();
    deliver(&receiver(layer.clone(), &handler), call("msg_1"))
        .await
        .unwrap();
    let other = net::Delivery::genuine("msg_1", "{}");
    let mut request = Request::new(Full::new(other.body.clone()));
    *request.headers_mut() = other.headers();
    let status = status(layer, &handler, as_call(request)).await;
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(
        status.message(),
        "payload-differs: another payload was processed under the same key before"
    );
    assert_eq!(handler.calls(), 1);
}

#[tokio::test]
async fn a_call_through_two_layers_that_share_a_store_is_told_in_terms_of_grpc() {
    let store = Arc::new(MemoryStore::new());
    let layer = || IdempotencyLayer::new(Arc::clone(&store));
    let service = ServiceBuilder::new()
        .layer(net::layer())
        .layer(layer())
        .layer(layer())
        .service_fn(|_: Request<VerifiedBody>| {
            ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
        });
    let response = service.oneshot(call("msg_1")).await.unwrap();
    assert_eq!(response.status(), 200);
    let status = Status::from_header_map(response.headers()).unwrap();
    assert_eq!(status.code(), Code::Internal);
    assert!(
        status.message().starts_with("layers-share-store: "),
        "{}",
        status.message()
    );
}

#[tokio::test]
async fn a_call_during_another_of_the_event_is_told_in_terms_of_grpc() {
    let (store, _) = remote();
    store.release.stick(true);
    let layer = IdempotencyLayer::new(store);
    let failing = receiver(layer.clone(), &Handler::failing(1));
    let mut first = Box::pin(deliver(&failing, call("msg_1")));
    assert!(futures_util::poll!(&mut first).is_pending());
    let status = status(layer, &Handler::default(), call("msg_1")).await;
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_call_without_a_store_or_an_event_is_told_in_terms_of_grpc() {
    let (store, _) = remote();
    store.claim.lose_replies(true);
    let status = status(
        IdempotencyLayer::new(store),
        &Handler::default(),
        call("msg_1"),
    )
    .await;
    assert_eq!(status.code(), Code::Unavailable);

    let unverified = ServiceBuilder::new()
        .layer(IdempotencyLayer::new(MemoryStore::new()))
        .service_fn(|request: Request<Full<Bytes>>| {
            let event = request.extensions().get::<VerifiedEvent>().cloned();
            ready(Ok::<_, Infallible>(Response::new(format!("{event:?}"))))
        });
    let response = unverified.oneshot(call("msg_1")).await.unwrap();
    let status = Status::from_header_map(response.headers()).unwrap();
    assert_eq!(status.code(), Code::Internal);
}

#[tokio::test]
async fn other_requests_get_no_headers_of_grpc() {
    let service = receiver(
        IdempotencyLayer::new(MemoryStore::new()),
        &Handler::default(),
    );
    let mut http1 = call("msg_1");
    *http1.version_mut() = Version::HTTP_11;
    for request in [request("msg_1"), request("msg_1"), http1] {
        let response = service.clone().oneshot(request).await.unwrap();
        assert!(!response.headers().contains_key("grpc-status"));
    }
}
