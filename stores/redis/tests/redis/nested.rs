//! Two layers on one path, each with its own store and connection. The prefixes decide whether they share their ids.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_svix::idempotency::Outcome;
use tower_svix::{IdempotencyLayer, VerifiedBody};
use tower_svix_redis::RedisStore;
use tower_svix_tests::net::{self, Delivery, within};
use tower_svix_tests::redis_server::RedisServer;

#[tokio::test]
async fn two_layers_with_one_prefix_are_a_wiring_mistake_and_with_two_they_work() {
    let server = RedisServer::start();
    for (inner_prefix, status, calls, outcome) in [
        ("outer:", 500, 0, Outcome::Released),
        ("inner:", 200, 1, Outcome::Processed),
    ] {
        let outer = RedisStore::new(server.connect().await, "outer:");
        let inner = RedisStore::new(server.connect().await, inner_prefix);
        let handler = Arc::new(AtomicUsize::new(0));
        let called = Arc::clone(&handler);
        let service = ServiceBuilder::new()
            .layer(net::layer())
            .layer(IdempotencyLayer::new(outer))
            .layer(IdempotencyLayer::new(inner))
            .service_fn(move |_: Request<VerifiedBody>| {
                called.fetch_add(1, Ordering::SeqCst);
                ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
            });
        let delivery = Delivery::genuine("msg_1", "{}");
        let mut request = Request::new(Full::new(delivery.body.clone()));
        *request.headers_mut() = delivery.headers();
        let response = within(service.oneshot(request)).await.unwrap();
        assert_eq!(response.status(), status, "{inner_prefix}");
        assert_eq!(
            response.extensions().get(),
            Some(&outcome),
            "{inner_prefix}"
        );
        assert_eq!(handler.load(Ordering::SeqCst), calls, "{inner_prefix}");
    }
}
