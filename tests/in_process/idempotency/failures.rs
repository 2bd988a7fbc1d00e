//! After a failure, the next delivery processes the event.

use std::convert::Infallible;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, poll};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::sync::Semaphore;
use tower::{Service, ServiceBuilder};
use tower_svix::idempotency::{MemoryStore, MonotonicClock, Outcome};
use tower_svix::{IdempotencyLayer, VerifiedBody};
use tower_svix_tests::net;

use super::{Handler, LEASE, deliver, receiver, remote, request};

#[tokio::test]
async fn a_failed_event_is_processed_by_the_next_delivery() {
    let handler = Handler::failing(2);
    let service = receiver(IdempotencyLayer::new(MemoryStore::new()), &handler);
    for _ in 0..2 {
        let failed = deliver(&service, request("msg_1")).await.unwrap();
        assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!((failed.outcome, &*failed.body), (Outcome::Released, "done"));
    }
    let retried = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(retried.outcome, Outcome::Processed);
    let duplicate = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(duplicate.outcome, Outcome::Replayed);
}

#[tokio::test]
async fn a_closure_can_say_which_responses_count() {
    let handler = Handler::failing(usize::MAX);
    let layer = IdempotencyLayer::new(MemoryStore::new())
        .processed_if(|response| response.status == StatusCode::INTERNAL_SERVER_ERROR);
    let service = receiver(layer, &handler);
    let first = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(first.outcome, Outcome::Processed);
    let duplicate = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(duplicate.outcome, Outcome::Replayed);
}

#[tokio::test]
async fn an_error_of_the_inner_service_releases_the_event() {
    let calls = Arc::new(AtomicUsize::new(0));
    let service = ServiceBuilder::new()
        .layer(net::layer())
        .layer(IdempotencyLayer::new(MemoryStore::new()))
        .service_fn(move |_: Request<VerifiedBody>| {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            async move {
                match call {
                    0 => Err(io::Error::other("broken")),
                    _ => Ok(Response::new(Full::<Bytes>::default())),
                }
            }
        });
    let error = deliver(&service, request("msg_1")).await.unwrap_err();
    assert_eq!(error.to_string(), "broken");
    let retried = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(retried.outcome, Outcome::Processed);
}

#[tokio::test]
async fn an_inner_service_that_cannot_become_ready_releases_the_event() {
    #[derive(Clone)]
    struct Broken(Arc<AtomicUsize>);

    impl Service<Request<VerifiedBody>> for Broken {
        type Response = Response<Full<Bytes>>;
        type Error = io::Error;
        type Future = std::future::Ready<Result<Self::Response, io::Error>>;

        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), io::Error>> {
            std::task::Poll::Ready(match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => Err(io::Error::other("closed")),
                _ => Ok(()),
            })
        }

        fn call(&mut self, _: Request<VerifiedBody>) -> Self::Future {
            std::future::ready(Ok(Response::default()))
        }
    }

    let service = ServiceBuilder::new()
        .layer(net::layer())
        .layer(IdempotencyLayer::new(MemoryStore::new()))
        .service(Broken(Arc::default()));
    let error = deliver(&service, request("msg_1")).await.unwrap_err();
    assert_eq!(error.to_string(), "closed");
    let retried = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(retried.outcome, Outcome::Processed);
}

#[tokio::test]
async fn a_panic_releases_the_event() {
    let calls = Arc::new(AtomicUsize::new(0));
    let service = ServiceBuilder::new()
        .layer(net::layer())
        .layer(IdempotencyLayer::new(MemoryStore::new()))
        .service_fn(move |_: Request<VerifiedBody>| {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(call > 0, "the handler panics");
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
            }
        });
    let panicked = AssertUnwindSafe(deliver(&service, request("msg_1")))
        .catch_unwind()
        .await;
    assert!(panicked.is_err());
    let retried = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(retried.outcome, Outcome::Processed);
}

/// A second panic, in a destructor, would abort the process.
#[tokio::test]
async fn a_panic_of_the_store_is_one_panic() {
    #[derive(Debug)]
    struct Broken {
        reads: AtomicUsize,
        breaks_at: usize,
    }

    impl MonotonicClock for Broken {
        fn elapsed(&self) -> Duration {
            let read = self.reads.fetch_add(1, Ordering::SeqCst);
            assert_ne!(read, self.breaks_at, "the clock is broken");
            Duration::ZERO
        }
    }

    // The first operation is the claim, the second the completion.
    for breaks_at in 0..2 {
        let reads = AtomicUsize::new(0);
        let store = MemoryStore::new().clock(Broken { reads, breaks_at });
        let service = receiver(IdempotencyLayer::new(store), &Handler::default());
        let panicked = AssertUnwindSafe(deliver(&service, request("msg_1")))
            .catch_unwind()
            .await;
        assert!(panicked.is_err());
        let other = deliver(&service, request("msg_2")).await.unwrap();
        assert_eq!(other.outcome, Outcome::Processed);
    }
}

#[tokio::test]
async fn whoever_outlives_the_lease_changes_nothing_for_the_successor() {
    for late_status in [StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR] {
        let (store, time) = remote();
        let layer = IdempotencyLayer::new(store);
        let gate = Arc::new(Semaphore::new(0));
        let late = ServiceBuilder::new()
            .layer(net::layer())
            .layer(layer.clone())
            .service_fn({
                let gate = Arc::clone(&gate);
                move |_: Request<VerifiedBody>| {
                    let gate = Arc::clone(&gate);
                    async move {
                        gate.acquire().await.unwrap().forget();
                        let mut response = Response::new(Full::<Bytes>::default());
                        *response.status_mut() = late_status;
                        Ok::<_, Infallible>(response)
                    }
                }
            });
        let mut first = pin!(deliver(&late, request("msg_1")));
        assert!(poll!(&mut first).is_pending());

        time.pass(LEASE);
        let mut second = pin!(deliver(&late, request("msg_1")));
        assert!(
            poll!(&mut second).is_pending(),
            "after the lease it is claimed again"
        );

        gate.add_permits(1);
        let first = first.await.unwrap();
        assert_eq!(
            (first.status, first.outcome),
            (late_status, Outcome::Superseded)
        );
        let service = receiver(layer, &Handler::default());
        let third = deliver(&service, request("msg_1")).await.unwrap();
        assert_eq!(
            third.status,
            StatusCode::SERVICE_UNAVAILABLE,
            "the successor still holds it"
        );
    }
}
