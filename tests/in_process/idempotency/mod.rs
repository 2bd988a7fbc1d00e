//! Duplicates, failures and requests that are lost.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers_inside;
mod drops;
mod duplicates;
mod failures;
mod grpc;
mod keys;
mod nested;
mod reports;
mod store_failures;
mod strict_senders;
mod trials;
mod wiring;

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder, ServiceExt as _};
use tower_svix::ResponseBody;
use tower_svix::idempotency::Outcome;
use tower_svix::{IdempotencyLayer, SvixVerifyLayer, VerifiedBody};
use tower_svix_tests::net::{self, Delivery, within};
use tower_svix_tests::stores::{ManualTime, Remote};

const LEASE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(96 * 3600);

fn request(id: &str) -> Request<Full<Bytes>> {
    let delivery = Delivery::genuine(id, r#"{"type":"job.completed"}"#);
    let mut request = Request::new(Full::new(delivery.body.clone()));
    *request.headers_mut() = delivery.headers();
    request
}

/// The response, as the sender and an outer layer see it.
#[derive(Debug)]
struct Seen {
    status: StatusCode,
    outcome: Outcome,
    retry_after: Option<String>,
    replayed: bool,
    body: String,
}

impl Seen {
    fn problem(&self) -> serde_json::Value {
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        problem
    }

    fn code(&self) -> String {
        self.problem()["code"].as_str().unwrap().to_owned()
    }

    fn detail(&self) -> String {
        self.problem()["detail"].as_str().unwrap().to_owned()
    }
}

async fn deliver<S, B>(service: &S, request: Request<Full<Bytes>>) -> Result<Seen, S::Error>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
    B: http_body::Body<Data = Bytes>,
    B::Error: Debug,
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

/// An inner service that responds with a list of statuses in turn, and counts its calls.
#[derive(Clone, Default)]
struct Handler {
    calls: Arc<AtomicUsize>,
    failures: usize,
}

impl Handler {
    /// Fails this many times, and then succeeds.
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

type Body = ResponseBody<ResponseBody<Full<Bytes>>>;

type Receiver = BoxCloneSyncService<Request<Full<Bytes>>, Response<Body>, Infallible>;

/// Returns a receiver: verification, idempotency, `handler`.
fn receiver(layer: IdempotencyLayer, handler: &Handler) -> Receiver {
    receiver_behind(net::layer(), layer, handler)
}

fn receiver_behind(
    verify: SvixVerifyLayer,
    layer: IdempotencyLayer,
    handler: &Handler,
) -> Receiver {
    let handler = handler.clone();
    let service = ServiceBuilder::new()
        .layer(verify)
        .layer(layer)
        .service_fn(move |_: Request<VerifiedBody>| ready(Ok(handler.call())));
    BoxCloneSyncService::new(service)
}

fn remote() -> (Remote, ManualTime) {
    let time = ManualTime::default();
    (Remote::new(time.clone()), time)
}
