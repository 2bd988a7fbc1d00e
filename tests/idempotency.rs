//! What becomes of duplicates, failures and lost requests.

#![cfg(feature = "idempotency-memory")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/net.rs"]
mod net;
#[path = "support/stores.rs"]
mod stores;

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, poll};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tokio::sync::Semaphore;
use tower::limit::ConcurrencyLimit;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};
use tower_svix::idempotency::{MemoryStore, Outcome, Store};
use tower_svix::{IdempotencyLayer, Keyring, Secret, SvixVerifyLayer, VerifiedBody};
use tower_test::mock;

use self::net::{Delivery, SECRET, within};
use self::stores::{ManualTime, Remote};

const LEASE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(48 * 3600);

fn request(id: &str) -> Request<Full<Bytes>> {
    let delivery = Delivery::genuine(id, r#"{"type":"job.completed"}"#);
    let mut request = Request::new(Full::new(delivery.body.clone()));
    *request.headers_mut() = delivery.headers();
    request
}

/// What the sender and an outer layer see.
#[derive(Debug)]
struct Seen {
    status: StatusCode,
    outcome: Outcome,
    retry_after: Option<String>,
    replayed: bool,
    body: String,
}

impl Seen {
    fn code(&self) -> String {
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        problem["code"].as_str().unwrap().to_owned()
    }
}

async fn deliver<S, B>(service: &S, request: Request<Full<Bytes>>) -> Result<Seen, S::Error>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let response = within(service.clone().oneshot(request)).await?;
    let header = |name| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    Ok(Seen {
        status: response.status(),
        outcome: *response.extensions().get().unwrap(),
        retry_after: header("retry-after"),
        replayed: header("idempotency-replayed").is_some_and(|value| value == "true"),
        body: String::from_utf8(
            response
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes()
                .into(),
        )
        .unwrap(),
    })
}

/// An inner service that answers with one status after the other, and counts.
#[derive(Clone, Default)]
struct Handler {
    calls: Arc<AtomicUsize>,
    failures: usize,
}

impl Handler {
    /// Fails so many times, and succeeds from then on.
    fn failing(failures: usize) -> Self {
        Self {
            failures,
            ..Self::default()
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn call(&self) -> Response<Full<Bytes>> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let mut response = Response::new(Full::from("done"));
        if call < self.failures {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        response
    }
}

macro_rules! receiver {
    ($layer:expr, $handler:expr) => {{
        let handler = $handler.clone();
        ServiceBuilder::new()
            .layer(net::layer())
            .layer($layer)
            .service_fn(move |_: Request<VerifiedBody>| {
                let response = handler.call();
                async move { Ok::<_, Infallible>(response) }
            })
    }};
}

fn remote() -> (Remote, ManualTime) {
    let time = ManualTime::default();
    (Remote::new(time.clone()), time)
}

#[tokio::test]
async fn a_processed_event_is_not_processed_again() {
    let handler = Handler::default();
    let (store, time) = remote();
    let service = receiver!(IdempotencyLayer::new(store), handler);

    let first = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!((first.status, &*first.body), (StatusCode::OK, "done"));
    assert_eq!(first.outcome, Outcome::Processed);
    assert!(!first.replayed);

    time.pass(RETENTION - Duration::from_secs(1));
    let duplicate = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!((duplicate.status, &*duplicate.body), (StatusCode::OK, ""));
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

    time.pass(Duration::from_millis(20_500));
    let duplicate = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(duplicate.status, StatusCode::CONFLICT);
    assert_eq!(duplicate.retry_after.as_deref(), Some("40"));
    assert_eq!(duplicate.code(), "event-in-progress");
    assert!(matches!(duplicate.outcome, Outcome::InProgress { .. }));

    gate.add_permits(1);
    assert_eq!(first.await.unwrap().outcome, Outcome::Processed);
    let duplicate = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(duplicate.outcome, Outcome::Replayed);
}

#[tokio::test]
async fn a_failed_event_is_processed_by_the_next_delivery() {
    let handler = Handler::failing(2);
    let service = receiver!(IdempotencyLayer::new(MemoryStore::new()), handler);
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
    let service = receiver!(layer, handler);
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

#[tokio::test]
async fn a_request_that_is_dropped_releases_the_event_wherever_it_is() {
    let (store, _) = remote();
    let handler = Handler::default();
    let service = receiver!(IdempotencyLayer::new(store.clone()), handler);

    // The claim is on its way when the sender hangs up, and arrives all the same.
    store.claim.stick(true);
    {
        let mut lost = pin!(deliver(&service, request("msg_1")));
        assert!(poll!(&mut lost).is_pending());
    }
    store.claim.stick(false);
    assert_eq!(within(store.run_detached()).await, 1);
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
        assert_eq!(within(store.run_detached()).await, 1);
        let retried = deliver(&service, request("msg_3")).await.unwrap();
        assert_eq!(retried.outcome, Outcome::Processed);
    }
    // The inner service was running.
    assert_eq!(within(store.run_detached()).await, 1);
    let retried = deliver(&service, request("msg_2")).await.unwrap();
    assert_eq!(retried.outcome, Outcome::Processed);

    // The release is on its way.
    let failing = Handler::failing(1);
    let failing = receiver!(IdempotencyLayer::new(store.clone()), failing);
    store.release.stick(true);
    {
        let mut lost = pin!(deliver(&failing, request("msg_4")));
        assert!(poll!(&mut lost).is_pending());
    }
    store.release.stick(false);
    assert_eq!(within(store.run_detached()).await, 1);
    let retried = deliver(&service, request("msg_4")).await.unwrap();
    assert_eq!(retried.outcome, Outcome::Processed);
}

#[tokio::test]
async fn an_event_that_was_processed_is_completed_though_the_sender_hung_up() {
    let (store, _) = remote();
    let handler = Handler::default();
    let service = receiver!(IdempotencyLayer::new(store.clone()), handler);
    store.complete.stick(true);
    {
        let mut lost = pin!(deliver(&service, request("msg_1")));
        assert!(poll!(&mut lost).is_pending());
    }
    store.complete.stick(false);
    assert_eq!(within(store.run_detached()).await, 1);
    let retried = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(retried.outcome, Outcome::Replayed);
    assert_eq!(handler.calls(), 1);
}

#[tokio::test]
async fn a_settled_request_leaves_nothing_to_do() {
    let (store, _) = remote();
    let service = receiver!(IdempotencyLayer::new(store.clone()), Handler::failing(1));
    for _ in 0..3 {
        deliver(&service, request("msg_1")).await.unwrap();
    }
    assert_eq!(store.run_detached().await, 0);
}

#[tokio::test]
async fn a_response_is_held_back_until_the_store_knows_of_it() {
    let (store, _) = remote();
    let service = receiver!(IdempotencyLayer::new(store.clone()), Handler::default());
    store.complete.stick(true);
    let mut first = pin!(deliver(&service, request("msg_1")));
    assert!(poll!(&mut first).is_pending());
    let duplicate = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(duplicate.status, StatusCode::CONFLICT);
    store.complete.stick(false);
    assert_eq!(first.await.unwrap().outcome, Outcome::Processed);
}

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
    // Outside of the layer that verifies, or without it, which is the same here.
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
async fn while_the_store_fails_nothing_is_processed() {
    let (store, _) = remote();
    let handler = Handler::default();
    let service = receiver!(IdempotencyLayer::new(store.clone()), handler);
    store.claim.lose_replies(true);
    let refused = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.retry_after.is_some());
    assert_eq!(
        (&*refused.code(), refused.outcome),
        ("store-unavailable", Outcome::StoreUnavailable)
    );
    assert_eq!(handler.calls(), 0);

    // Only the reply was lost: what was claimed is released.
    store.claim.lose_replies(false);
    assert_eq!(within(store.run_detached()).await, 1);
    let retried = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(retried.outcome, Outcome::Processed);
}

#[tokio::test]
async fn an_option_processes_though_the_store_fails() {
    let (store, _) = remote();
    let handler = Handler::default();
    let layer = IdempotencyLayer::new(store.clone()).risk_duplicates_when_the_store_fails();
    let service = receiver!(layer, handler);
    store.claim.lose_replies(true);
    for _ in 0..2 {
        let seen = deliver(&service, request("msg_1")).await.unwrap();
        assert_eq!((&*seen.body, seen.outcome), ("done", Outcome::Unprotected));
    }
    assert_eq!(handler.calls(), 2);

    store.claim.lose_replies(false);
    within(store.run_detached()).await;
    let seen = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(seen.outcome, Outcome::Processed);
}

#[tokio::test]
async fn a_response_stands_though_it_could_not_be_written_down() {
    let (store, _) = remote();
    store.complete.lose_replies(true);
    store.release.lose_replies(true);
    let service = receiver!(IdempotencyLayer::new(store.clone()), Handler::failing(1));
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::OK] {
        let seen = deliver(&service, request("msg_1")).await.unwrap();
        assert_eq!((seen.status, seen.outcome), (status, Outcome::Unsettled));
        assert_eq!(seen.body, "done");
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
        let service = receiver!(layer, Handler::default());
        let third = deliver(&service, request("msg_1")).await.unwrap();
        assert_eq!(
            third.status,
            StatusCode::CONFLICT,
            "the successor still holds it"
        );
    }
}

#[tokio::test]
async fn tenants_with_the_same_id_do_not_suppress_each_other() {
    let handler = Handler::default();
    let layer = IdempotencyLayer::new(MemoryStore::new());
    let service = |name: Option<&str>| {
        let secret: Secret = SECRET.parse().unwrap();
        let keyring = Keyring::from(secret);
        let keyring = match name {
            Some(name) => keyring.named(name),
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
    let before = receiver!(layer.clone(), handler);
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
    // A duplicate is answered though there is no room.
    let duplicate = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(duplicate.status, StatusCode::CONFLICT);

    handle.allow(1);
    assert!(poll!(&mut first).is_pending());
    let (_, answer) = within(handle.next_request()).await.unwrap();
    answer.send_response(Response::default());
    assert_eq!(first.await.unwrap().outcome, Outcome::Processed);
}

#[tokio::test]
async fn of_many_concurrent_deliveries_one_is_processed() {
    let handler = Handler::default();
    let service = receiver!(IdempotencyLayer::new(MemoryStore::new()), handler);
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

#[test]
fn layer_service_and_future_go_wherever_their_parts_go() {
    fn shared<T: Clone + Send + Sync + 'static>(value: T) -> T {
        value
    }
    fn sent<T: Send + 'static>(_: T) {}

    async fn inner(_: Request<VerifiedBody>) -> Result<Response<Full<Bytes>>, Infallible> {
        Ok(Response::default())
    }

    fn check(store: impl Store) {
        let layer = shared(IdempotencyLayer::new(Arc::new(store)));
        let mut service = shared(layer.layer(ConcurrencyLimit::new(service_fn(inner), 1)));
        sent(service.call(Request::new(VerifiedBody::default())));
    }
    check(MemoryStore::new());
}
