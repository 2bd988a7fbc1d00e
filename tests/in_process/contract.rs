//! The rules of Tower for a middleware, and what the inner service can rely on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::{Ready, pending, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::poll;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower::buffer::BufferLayer;
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_svix::{VerifiedBody, VerifiedEvent};
use tower_svix_tests::requests::{
    BODY, ID, forged, genuine, head, head_with_signature, layer, stalled_body,
};
use tower_test::mock;

type Answer = Response<Full<Bytes>>;

/// With paused time, this passes as soon as nothing else can happen.
const FOREVER: Duration = Duration::from_secs(3600);

fn ok() -> Answer {
    Response::new(Full::default())
}

/// An upload that never ends, from a sender without the secret.
fn stalled() -> Request<impl http_body::Body<Data = Bytes, Error = std::io::Error> + Send + Sync> {
    head_with_signature(&format!("v1,{}=", "A".repeat(43)))
        .body(stalled_body())
        .unwrap()
}

/// Counts the requests that reach it.
#[derive(Clone, Default)]
struct Spy {
    polls: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
}

impl Spy {
    fn counts(&self) -> [usize; 2] {
        [&self.polls, &self.calls].map(|count| count.load(Ordering::SeqCst))
    }
}

impl<R> Service<R> for Spy {
    type Response = Answer;
    type Error = Infallible;
    type Future = Ready<Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.polls.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: R) -> Self::Future {
        self.calls.fetch_add(1, Ordering::SeqCst);
        ready(Ok(ok()))
    }
}

/// An error that differs from all others, and is not `Send`.
#[derive(Debug, PartialEq)]
struct Fault(&'static str, std::marker::PhantomData<*const ()>);

fn fault(place: &'static str) -> Fault {
    Fault(place, std::marker::PhantomData)
}

/// A service that fails in `poll_ready`.
#[derive(Clone)]
struct NeverReady;

impl<R> Service<R> for NeverReady {
    type Response = Answer;
    type Error = Fault;
    type Future = Ready<Result<Answer, Fault>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Err(fault("poll_ready")))
    }

    fn call(&mut self, _: R) -> Self::Future {
        panic!("called though it never was ready");
    }
}

#[tokio::test]
async fn the_middleware_is_ready_while_the_inner_service_is_not() {
    let (inner, mut handle) = mock::pair::<Request<VerifiedBody>, Answer>();
    handle.allow(0);
    let mut service = layer().layer(inner);
    let ready = pin!(ServiceExt::<Request<Full<Bytes>>>::ready(&mut service));
    assert!(matches!(poll!(ready), Poll::Ready(Ok(_))));
}

#[tokio::test]
async fn the_inner_service_is_polled_ready_before_it_is_called() {
    // A clone of the mock is not ready, and panics if it is called.
    let (inner, mut handle) = mock::pair::<Request<VerifiedBody>, Answer>();
    handle.allow(0);
    let response = tokio::spawn(layer().layer(inner).oneshot(genuine()));
    tokio::task::yield_now().await;
    assert!(handle.poll_request().is_pending(), "called while not ready");

    handle.allow(1);
    let (request, reply) = handle.next_request().await.unwrap();
    let event: &VerifiedEvent = request.extensions().get().unwrap();
    assert_eq!(event.id(), ID);
    reply.send_response(ok());
    assert_eq!(response.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn nothing_reaches_the_inner_service_before_the_signature_is_verified() {
    let rejected = [
        ("without headers", Request::new(Full::from(BODY))),
        ("with a forged body", forged()),
        (
            "with a signature of another version",
            head_with_signature("v9,AAAA")
                .body(Full::from(BODY))
                .unwrap(),
        ),
    ];
    for (name, request) in rejected {
        let spy = Spy::default();
        let response = layer().layer(spy.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}");
        assert_eq!(spy.counts(), [0, 0], "{name}");
    }

    let spy = Spy::default();
    let mut upload = pin!(layer().layer(spy.clone()).oneshot(stalled()));
    assert!(poll!(&mut upload).is_pending());
    assert_eq!(spy.counts(), [0, 0], "with a body that has not ended");

    let spy = Spy::default();
    let response = layer().layer(spy.clone()).oneshot(genuine()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(spy.counts(), [1, 1], "a genuine delivery");
}

#[tokio::test]
async fn an_error_of_the_inner_service_comes_out_unchanged() {
    let error = layer()
        .layer(NeverReady)
        .oneshot(genuine())
        .await
        .unwrap_err();
    assert_eq!(error, fault("poll_ready"));

    let fails = service_fn(|_: Request<VerifiedBody>| async { Err::<Answer, _>(fault("call")) });
    let error = layer().layer(fails).oneshot(genuine()).await.unwrap_err();
    assert_eq!(error, fault("call"));
}

/// A server needs both, to send a `Content-Length` and to end the response.
#[tokio::test]
async fn the_body_of_a_response_knows_its_length_and_its_end() {
    let done = service_fn(|_: Request<VerifiedBody>| {
        ready(Ok::<_, Infallible>(Response::new(Full::from("done"))))
    });
    let requests = [
        ("the inner service's", genuine()),
        ("a rejection", forged()),
    ];
    for (whose, request) in requests {
        let response = layer().layer(done).oneshot(request).await.unwrap();
        let mut body = response.into_body();
        let len = body.size_hint().exact().expect(whose);
        assert!(len > 0, "{whose}");
        assert!(!body.is_end_stream(), "{whose}");

        let frame = body.frame().await.expect(whose).unwrap();
        assert_eq!(frame.into_data().unwrap().len() as u64, len, "{whose}");
        assert_eq!(body.size_hint().exact(), Some(0), "{whose}");
        assert!(body.is_end_stream(), "{whose}");
    }
}

#[tokio::test]
async fn a_rejection_is_no_error_even_if_the_inner_service_is_broken() {
    let response = layer().layer(NeverReady).oneshot(forged()).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

/// Sends a valid delivery after ten stalled uploads. `limit` allows one request at a time.
async fn a_delivery_finds_room_behind_stalled_uploads<L>(limit: L)
where
    L: Layer<Spy>,
    L::Service: Service<Request<VerifiedBody>, Response = Answer, Error: Debug> + Clone,
{
    let service = layer().layer(limit.layer(Spy::default()));
    let mut uploads: Vec<_> = (0..10)
        .map(|_| Box::pin(service.clone().oneshot(stalled())))
        .collect();
    for upload in &mut uploads {
        assert!(poll!(upload).is_pending());
    }
    let delivered = timeout(FOREVER, service.oneshot(genuine())).await;
    assert_eq!(
        delivered.expect("starved").unwrap().status(),
        StatusCode::OK
    );
}

#[tokio::test(start_paused = true)]
async fn stalled_uploads_hold_no_permit_of_a_concurrency_limit() {
    a_delivery_finds_room_behind_stalled_uploads(ConcurrencyLimitLayer::new(1)).await;
}

#[tokio::test(start_paused = true)]
async fn stalled_uploads_hold_no_slot_of_a_buffer() {
    a_delivery_finds_room_behind_stalled_uploads(BufferLayer::new(1)).await;
}

#[tokio::test(start_paused = true)]
async fn to_drop_a_delivery_that_waits_for_capacity_gives_its_place_back() {
    let permits = Arc::new(Semaphore::new(1));
    let limit = ConcurrencyLimitLayer::new(1);
    let slow = service_fn({
        let permits = Arc::clone(&permits);
        move |_: Request<VerifiedBody>| {
            let permits = Arc::clone(&permits);
            async move {
                let _permit = permits.acquire().await.unwrap();
                Ok::<_, Infallible>(ok())
            }
        }
    });
    let service = ServiceBuilder::new()
        .layer(layer())
        .layer(limit)
        .service(slow);

    let held = permits.acquire().await.unwrap();
    let mut serving = Box::pin(service.clone().oneshot(genuine()));
    assert!(poll!(&mut serving).is_pending());
    let mut readying = Box::pin(service.clone().oneshot(genuine()));
    assert!(poll!(&mut readying).is_pending());

    // The only permit now goes to the waiting delivery, which is dropped before it is polled again.
    drop(serving);
    drop(readying);
    drop(held);
    let delivered = timeout(FOREVER, service.oneshot(genuine())).await;
    assert_eq!(
        delivered.expect("starved").unwrap().status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn to_drop_the_future_frees_what_was_received() {
    struct Frame {
        _alive: Arc<()>,
    }
    impl AsRef<[u8]> for Frame {
        fn as_ref(&self) -> &[u8] {
            BODY
        }
    }

    let alive = Arc::new(());
    let frame = || {
        Bytes::from_owner(Frame {
            _alive: Arc::clone(&alive),
        })
    };
    let inner = service_fn(|_: Request<VerifiedBody>| pending::<Result<Answer, Infallible>>());
    let mut serving = Box::pin(
        layer()
            .layer(inner)
            .oneshot(head(BODY).body(Full::new(frame())).unwrap()),
    );
    assert!(poll!(&mut serving).is_pending());
    assert_eq!(Arc::strong_count(&alive), 1, "the request is the handler's");

    let mut readying = Box::pin({
        let (inner, mut handle) = mock::pair::<Request<VerifiedBody>, Answer>();
        handle.allow(0);
        let response = layer()
            .layer(inner)
            .oneshot(head(BODY).body(Full::new(frame())).unwrap());
        async move {
            let _handle = handle;
            response.await
        }
    });
    assert!(poll!(&mut readying).is_pending());
    assert_eq!(Arc::strong_count(&alive), 2, "the delivery is kept");
    drop(readying);
    assert_eq!(Arc::strong_count(&alive), 1);
}
