//! A dropped request leaves its event in the right state.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::poll;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer as _, Service as _, ServiceBuilder, ServiceExt as _, service_fn};
use tower_svix::idempotency::Outcome;
use tower_svix::{IdempotencyLayer, VerifiedBody};
use tower_svix_tests::net::{self, within};

use super::{Handler, deliver, receiver, remote, request};

#[tokio::test]
async fn a_request_that_is_dropped_releases_the_event_wherever_it_is() {
    let (store, _) = remote();
    let handler = Handler::default();
    let service = receiver(IdempotencyLayer::new(Arc::new(store.clone())), &handler);

    // The claim is sent when the sender hangs up, and arrives afterwards.
    store.claim.stick(true);
    {
        let mut lost = pin!(deliver(&service, request("msg_1")));
        assert!(poll!(&mut lost).is_pending());
    }
    store.claim.stick(false);
    assert_eq!(within(store.run_spawned()).await, 1);
    let retried = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(retried.outcome, Outcome::Processed);

    // The inner service has no room.
    let limited = ServiceBuilder::new()
        .layer(net::layer())
        .layer(IdempotencyLayer::new(store.clone()))
        .concurrency_limit(1)
        .service_fn(|_: Request<VerifiedBody>| {
            pending::<Result<Response<Full<Bytes>>, Infallible>>()
        });
    {
        let mut busy = pin!(deliver(&limited, request("msg_2")));
        assert!(poll!(&mut busy).is_pending());
        {
            let mut lost = pin!(deliver(&limited, request("msg_3")));
            assert!(poll!(&mut lost).is_pending());
        }
        assert_eq!(within(store.run_spawned()).await, 1);
        let retried = deliver(&service, request("msg_3")).await.unwrap();
        assert_eq!(retried.outcome, Outcome::Processed);
    }
    // The inner service was running.
    assert_eq!(within(store.run_spawned()).await, 1);
    let retried = deliver(&service, request("msg_2")).await.unwrap();
    assert_eq!(retried.outcome, Outcome::Processed);

    // The release is sent, but has not arrived.
    let failing = Handler::failing(1);
    let failing = receiver(IdempotencyLayer::new(store.clone()), &failing);
    store.release.stick(true);
    {
        let mut lost = pin!(deliver(&failing, request("msg_4")));
        assert!(poll!(&mut lost).is_pending());
    }
    store.release.stick(false);
    assert_eq!(within(store.run_spawned()).await, 1);
    let retried = deliver(&service, request("msg_4")).await.unwrap();
    assert_eq!(retried.outcome, Outcome::Processed);
}

/// An outer layer may make a future and drop it, for example to shed load.
#[tokio::test]
async fn a_request_that_is_never_polled_claims_nothing() {
    let (store, _) = remote();
    let handler = Handler::default();
    let mut idempotency = IdempotencyLayer::new(store.clone()).layer(service_fn({
        let handler = handler.clone();
        move |_: Request<VerifiedBody>| ready(Ok::<_, Infallible>(handler.call()))
    }));
    let verified = {
        // The request that verification passes to the inner layer.
        let (sender, receiver) = std::sync::mpsc::channel();
        let keep = service_fn(move |request: Request<VerifiedBody>| {
            sender.send(request).unwrap();
            ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
        });
        net::layer()
            .layer(keep)
            .oneshot(request("msg_1"))
            .await
            .unwrap();
        receiver.recv().unwrap()
    };
    drop(idempotency.call(verified));

    assert_eq!(within(store.run_spawned()).await, 0, "nothing to release");
    let service = receiver(IdempotencyLayer::new(store.clone()), &handler);
    let seen = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(seen.outcome, Outcome::Processed);
}

#[tokio::test]
async fn an_event_that_was_processed_is_completed_though_the_sender_hung_up() {
    let (store, _) = remote();
    let handler = Handler::default();
    let service = receiver(IdempotencyLayer::new(store.clone()), &handler);
    store.complete.stick(true);
    {
        let mut lost = pin!(deliver(&service, request("msg_1")));
        assert!(poll!(&mut lost).is_pending());
    }
    store.complete.stick(false);
    assert_eq!(within(store.run_spawned()).await, 1);
    let retried = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(retried.outcome, Outcome::Replayed);
    assert_eq!(handler.calls(), 1);
}

#[tokio::test]
async fn a_settled_request_leaves_nothing_to_do() {
    let (store, _) = remote();
    let service = receiver(IdempotencyLayer::new(store.clone()), &Handler::failing(1));
    for _ in 0..3 {
        deliver(&service, request("msg_1")).await.unwrap();
    }
    assert_eq!(store.run_spawned().await, 0);
}
