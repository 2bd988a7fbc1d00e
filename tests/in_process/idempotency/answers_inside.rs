//! Responses of the crate's own layers inside `IdempotencyLayer`. Only that of a duplicate means that the event was
//! processed.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Version, response};
use http_body_util::Full;
use tonic::Status;
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceBuilder, ServiceExt as _, service_fn};
use tower_svix::idempotency::{EventKey, MemoryStore, Outcome, Store as _};
use tower_svix::{IdempotencyLayer, Keyring, ResponseBody, Secret, SvixVerifyLayer, VerifiedBody};
use tower_svix_tests::net;
use tower_svix_tests::stores::{LEASE, token};

use super::{Handler, deliver, remote, request};

type Processed = fn(&response::Parts) -> bool;

/// Predicates that an operator may set.
const PREDICATES: [(&str, Option<Processed>); 3] = [
    ("the default", None),
    (
        "2xx and 422",
        Some(|response| {
            response.status.is_success() || response.status == StatusCode::UNPROCESSABLE_ENTITY
        }),
    ),
    ("everything", Some(|_| true)),
];

fn layer(processed: Option<Processed>) -> IdempotencyLayer {
    let layer = IdempotencyLayer::new(MemoryStore::new());
    match processed {
        Some(processed) => layer.processed_if(processed),
        None => layer,
    }
}

/// Returns a delivery over HTTP/1.1, or a gRPC call.
fn attempt(is_grpc: bool) -> Request<Full<Bytes>> {
    let mut request = request("msg_1");
    if is_grpc {
        let grpc = HeaderValue::from_static("application/grpc");
        request.headers_mut().insert("content-type", grpc);
        *request.version_mut() = Version::HTTP_2;
    }
    request
}

/// Delivers to `inside`, removes the cause of its response, and delivers again.
async fn assert_processed_later<L>(
    name: &str,
    outer: IdempotencyLayer,
    inside: L,
    mend: impl AsyncFnOnce(),
    is_grpc: bool,
) where
    L: Layer<BoxCloneSyncService<Request<VerifiedBody>, Response<Full<Bytes>>, Infallible>>,
    L::Service: Service<
            Request<VerifiedBody>,
            Response = Response<ResponseBody<Full<Bytes>>>,
            Error = Infallible,
        > + Clone,
{
    let handler = Handler::default();
    let called = handler.clone();
    let handle = service_fn(move |_: Request<VerifiedBody>| ready(Ok(called.call())));
    let service = ServiceBuilder::new()
        .layer(net::layer())
        .layer(outer)
        .layer(inside)
        .service(BoxCloneSyncService::new(handle));
    let first = deliver(&service, attempt(is_grpc)).await.unwrap();
    assert_eq!(first.outcome, Outcome::Released, "{name}: {first:?}");
    assert_eq!(handler.calls(), 0, "{name}");
    mend().await;
    let second = deliver(&service, attempt(is_grpc)).await.unwrap();
    assert_eq!(second.outcome, Outcome::Processed, "{name}: {second:?}");
    assert_eq!(handler.calls(), 1, "{name}");
}

fn cases() -> impl Iterator<Item = (String, Option<Processed>, bool)> {
    PREDICATES.into_iter().flat_map(|(name, processed)| {
        [false, true].map(|is_grpc| (format!("{name}, gRPC: {is_grpc}"), processed, is_grpc))
    })
}

#[tokio::test]
async fn an_event_that_another_delivery_holds_inside_is_not_lost() {
    for (name, processed, is_grpc) in cases() {
        let store = Arc::new(MemoryStore::new());
        let (key, holder) = (EventKey::new(None, "msg_1"), token());
        store.claim(&key, holder, LEASE).await.unwrap();
        let inner = IdempotencyLayer::new(Arc::clone(&store));
        // The attempt that has the claim fails.
        let mend = async || {
            store.release(&key, holder).await.unwrap();
        };
        assert_processed_later(&name, layer(processed), inner, mend, is_grpc).await;
    }
}

#[tokio::test]
async fn an_event_is_not_lost_while_the_store_inside_is_away() {
    for (name, processed, is_grpc) in cases() {
        let (store, _) = remote();
        store.claim.lose_replies(true);
        let inner = IdempotencyLayer::new(store.clone());
        let mend = async || {
            store.claim.lose_replies(false);
            store.run_spawned().await;
        };
        assert_processed_later(&name, layer(processed), inner, mend, is_grpc).await;
    }
}

#[tokio::test]
async fn an_event_that_a_second_verification_rejects_is_not_lost() {
    for (name, processed, is_grpc) in cases() {
        let other: Secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".parse().unwrap();
        let keyring = Keyring::from(other);
        let inner = SvixVerifyLayer::new(keyring.clone());
        let mend = async || {
            let secret: Secret = net::SECRET.parse().unwrap();
            keyring.replace(secret);
        };
        assert_processed_later(&name, layer(processed), inner, mend, is_grpc).await;
    }
}

#[tokio::test]
async fn an_event_that_two_layers_claim_in_one_store_is_not_lost() {
    for (name, processed, is_grpc) in cases() {
        let store = Arc::new(MemoryStore::new());
        let mut outer = IdempotencyLayer::new(Arc::clone(&store));
        if let Some(processed) = processed {
            outer = outer.processed_if(processed);
        }
        let service = ServiceBuilder::new()
            .layer(net::layer())
            .layer(outer)
            .layer(IdempotencyLayer::new(Arc::clone(&store)))
            .service_fn(|_: Request<VerifiedBody>| {
                ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
            });
        let seen = deliver(&service, attempt(is_grpc)).await.unwrap();
        assert_eq!(seen.outcome, Outcome::Released, "{name}");
        assert!(store.is_empty(), "{name}");
    }
}

/// tonic responds to `Err(Status)` of a handler with HTTP status 200.
#[tokio::test]
async fn a_failed_call_is_not_processed_whatever_the_predicate_says() {
    for (name, processed, _) in cases() {
        let is_fixed = AtomicBool::new(false);
        let is_fixed = Arc::new(is_fixed);
        let handler_is_fixed = Arc::clone(&is_fixed);
        let service = ServiceBuilder::new()
            .layer(net::layer())
            .layer(layer(processed))
            .service_fn(move |_: Request<VerifiedBody>| {
                let response = if handler_is_fixed.load(Ordering::SeqCst) {
                    Response::new(Full::<Bytes>::default())
                } else {
                    Status::internal("away").into_http()
                };
                ready(Ok::<_, Infallible>(response))
            });
        for (fixed, outcome) in [(false, Outcome::Released), (true, Outcome::Processed)] {
            is_fixed.store(fixed, Ordering::SeqCst);
            let response = service.clone().oneshot(attempt(true)).await.unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(response.extensions().get(), Some(&outcome), "{name}");
        }
    }
}

/// What an inner layer has completed, an outer layer may complete too.
#[tokio::test]
async fn what_is_processed_inside_is_processed_outside() {
    for (name, processed, is_grpc) in cases() {
        let handler = Handler::default();
        let called = handler.clone();
        let inner = IdempotencyLayer::new(MemoryStore::new());
        let receiver = |outer: IdempotencyLayer| {
            let called = called.clone();
            ServiceBuilder::new()
                .layer(net::layer())
                .layer(outer)
                .layer(inner.clone())
                .service_fn(move |_: Request<VerifiedBody>| {
                    ready(Ok::<_, Infallible>(called.call()))
                })
        };
        // The second receiver does not know the event, but its inner layer does.
        for _ in 0..2 {
            let seen = deliver(&receiver(layer(processed)), attempt(is_grpc)).await;
            let outcome = seen.unwrap().outcome;
            assert_eq!(outcome, Outcome::Processed, "{name}");
        }
        assert_eq!(handler.calls(), 1, "{name}");
    }
}
