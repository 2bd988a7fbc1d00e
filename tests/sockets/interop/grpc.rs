//! grpcio, which accepts the end of a call only in the form that gRPC requires: HTTP 200, with the content type of
//! gRPC.

use std::net::SocketAddr;

use http::{HeaderMap, Response};
use serde_json::json;
use tower::ServiceBuilder;
use tower_svix::idempotency::{EventKey, Store as _};
use tower_svix::{IdempotencyLayer, SvixVerifyLayer};
use tower_svix_tests::net::{Delivery, layer};
use tower_svix_tests::stores::{LEASE, Remote, token};

use super::package::{CallOutcome, Caller};
use crate::grpc_server;

const CHECK: &str = "/grpc.health.v1.Health/Check";

/// Starts a health service behind both layers.
async fn start(layer: SvixVerifyLayer, store: &Remote) -> SocketAddr {
    let once = IdempotencyLayer::new(store.clone());
    grpc_server::start(ServiceBuilder::new().layer(layer).layer(once)).await
}

/// The client frames the message: five more bytes are signed.
fn headers(id: &str, sign: fn(&str, Vec<u8>) -> Delivery) -> HeaderMap {
    sign(id, vec![0; 5]).headers()
}

fn assert_ends(outcome: &CallOutcome, code: &str, message: &str) {
    assert_eq!(
        (&*outcome.code, &*outcome.message),
        (code, message),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_rejected_call_ends_as_grpc_asks() {
    let mut client = Caller::start();
    let forged = headers("msg_1", Delivery::forged);
    let genuine = headers("msg_1", Delivery::genuine);
    for (name, layer, headers, code, message) in [
        (
            "forged",
            layer(),
            &forged,
            "UNAUTHENTICATED",
            "signature-mismatch: no listed signature matches",
        ),
        (
            "without headers",
            layer(),
            &HeaderMap::new(),
            "UNAUTHENTICATED",
            "header-missing: ",
        ),
        (
            "opaque",
            layer().opaque_rejections(),
            &forged,
            "UNAUTHENTICATED",
            "",
        ),
        (
            "too long",
            layer().body_limit(4),
            &genuine,
            "RESOURCE_EXHAUSTED",
            "body-too-large: the body is longer than the limit",
        ),
        (
            "the user's own answer",
            layer().rejection_response(|_| tonic::Status::not_found("100 %: \u{e9}").into_http()),
            &forged,
            "NOT_FOUND",
            "100 %: \u{e9}",
        ),
    ] {
        let server = start(layer, &Remote::default()).await;
        let outcome = client.call(server, CHECK, headers, b"").await;
        assert_eq!(outcome.code, code, "{name}: {outcome:?}");
        let told = &*outcome.message;
        let as_expected = told.starts_with(message) && (told.is_empty() == message.is_empty());
        assert!(as_expected, "{name}: {outcome:?}");
    }
}

/// The documentation of `rejection_response` warns of this.
#[tokio::test]
async fn a_rejection_without_the_headers_of_grpc_has_no_code_of_the_users() {
    let mut client = Caller::start();
    let layer = layer().rejection_response(|rejection| {
        let mut response = Response::new("no".into());
        *response.status_mut() = rejection.status();
        response
    });
    let server = start(layer, &Remote::default()).await;
    let forged = headers("msg_1", Delivery::forged);
    let outcome = client.call(server, CHECK, &forged, b"").await;
    assert!(outcome.message.contains("401"), "{outcome:?}");
}

#[tokio::test]
async fn a_duplicate_call_ends_as_grpc_asks() {
    let mut client = Caller::start();
    let server = start(layer(), &Remote::default()).await;
    let genuine = headers("msg_1", Delivery::genuine);
    let first = client.call(server, CHECK, &genuine, b"").await;
    assert_ends(&first, "OK", "");
    let duplicate = client.call(server, CHECK, &genuine, b"").await;
    assert_ends(
        &duplicate,
        "ALREADY_EXISTS",
        "replayed: the event had been processed before",
    );
    assert_eq!(duplicate.headers["idempotency-replayed"], json!("true"));
}

#[tokio::test]
async fn a_call_that_must_wait_ends_as_grpc_asks() {
    let mut client = Caller::start();
    let store = Remote::default();
    let server = start(layer(), &store).await;
    let running = EventKey::new(None, "msg_running");
    store.claim(&running, token(), LEASE).await.unwrap();
    let genuine = headers("msg_running", Delivery::genuine);
    let outcome = client.call(server, CHECK, &genuine, b"").await;
    assert_ends(
        &outcome,
        "UNAVAILABLE",
        "event-in-progress: another delivery of the event is being processed",
    );

    store.claim.lose_replies(true);
    let genuine = headers("msg_1", Delivery::genuine);
    let outcome = client.call(server, CHECK, &genuine, b"").await;
    assert_ends(
        &outcome,
        "UNAVAILABLE",
        "store-unavailable: the receiver cannot tell whether the event was processed",
    );
}
