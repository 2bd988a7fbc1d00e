//! The same axum server without verification, with parts of it, and with each peer for axum.

use std::hint::black_box;
use std::sync::Arc;

use axum::body::Body;
use axum::error_handling::HandleErrorLayer;
use axum::extract::State;
use axum::routing::{MethodRouter, post};
use axum::{Extension, Router};
use axum_standardwebhooks::{SharedWebhook, StandardWebhook};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tower::layer::layer_fn;
use tower::util::MapRequestLayer;
use tower::{BoxError, Service as _, ServiceBuilder, ServiceExt as _, service_fn};
use tower_github_webhook::ValidateGitHubWebhookLayer;
use tower_svix::VerifiedEvent;
use webhook_verify::Provider;
use webhook_verify::tower::VerifyLayer;

use crate::contender::Table;
use crate::delivery::SECRET;
use crate::least::{self, Event, Step};
use crate::limit::BareHmac;
use crate::services::tower_svix_layer;

/// A server, for measurements in memory and over HTTP.
pub struct Form {
    pub name: &'static str,
    pub table: Table,
    pub router: fn() -> Router,
}

/// The name of the server that all others are compared with.
pub const UNVERIFIED: &str = "unverified";
/// Everything beyond this is what verification adds to its MAC.
pub const BARE_HMAC: &str = "bare HMAC in the handler";

pub const FORMS: [Form; 11] = [
    form(UNVERIFIED, Table::Controls, unverified),
    form("a layer that does nothing", Table::Controls, no_op_layer),
    form("collect and hand on", Table::Controls, collect_and_hand_on),
    form(BARE_HMAC, Table::Controls, bare_hmac),
    form("the least, and the event's payload", Table::Least, least),
    form("tower-svix", Table::Peers, tower_svix),
    form(
        "tower-svix, the event's payload",
        Table::Peers,
        tower_svix_payload,
    ),
    form("webhook-verify", Table::Peers, webhook_verify),
    form("svix", Table::Peers, svix),
    form("axum-standardwebhooks", Table::Peers, axum_standardwebhooks),
    form("tower-github-webhook", Table::Peers, tower_github_webhook),
];

const fn form(name: &'static str, table: Table, router: fn() -> Router) -> Form {
    Form {
        name,
        table,
        router,
    }
}

/// Receives the whole body and drops it.
async fn receive(body: Bytes) {
    black_box(body);
}

fn unverified() -> Router {
    router(post(receive))
}

/// A layer that does nothing: the least cost of any layer on axum.
fn no_op_layer() -> Router {
    let layer = MapRequestLayer::new(|request: Request<Body>| request);
    router(post(receive).layer(layer))
}

/// A layer that collects the body: the least cost of any layer that must see all of it.
fn collect_and_hand_on() -> Router {
    let layer = layer_fn(|inner: axum::routing::Route| {
        service_fn(move |request: Request<Body>| {
            let mut inner = inner.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.expect("a whole body").to_bytes();
                let request = Request::from_parts(head, Body::from(body));
                inner.call(request).await
            }
        })
    });
    router(post(receive).layer(layer))
}

/// The MAC of the body and nothing else, which every verification needs.
fn bare_hmac() -> Router {
    async fn handler(State(hmac): State<Arc<BareHmac>>, body: Bytes) {
        hmac.compute_over("1700000000", &body);
        receive(body).await;
    }
    router(post(handler).with_state(Arc::new(BareHmac::new())))
}

/// The least, with a handler that takes the event's payload: the body is collected once.
fn least() -> Router {
    async fn handler(event: Extension<Event>) {
        receive(event.payload.clone()).await;
    }
    let layer = layer_fn(|inner: axum::routing::Route| {
        let inner = inner.map_request(|request: Request<Bytes>| request.map(Body::from));
        least::layer(Step::Event, inner)
    });
    router(post(handler).layer(layer))
}

fn tower_svix() -> Router {
    router(post(receive).layer(tower_svix_layer()))
}

/// The handler takes the event's payload and does not collect the body again.
fn tower_svix_payload() -> Router {
    async fn handler(event: VerifiedEvent) {
        receive(event.payload().clone()).await;
    }
    router(post(handler).layer(tower_svix_layer()))
}

/// In the handler, as the documentation of `svix` shows it.
fn svix() -> Router {
    async fn handler(
        State(webhook): State<Arc<svix::webhooks::Webhook>>,
        headers: HeaderMap,
        body: Bytes,
    ) -> StatusCode {
        if webhook.verify(&body, &headers).is_err() {
            return StatusCode::UNAUTHORIZED;
        }
        receive(body).await;
        StatusCode::OK
    }
    let webhook = svix::webhooks::Webhook::new(SECRET).expect("valid");
    router(post(handler).with_state(Arc::new(webhook)))
}

/// Its error is not `Infallible`, so axum needs a layer around it that handles errors. With axum's own body, it is not
/// `Sync`, which axum requires of a service, so a layer inside it turns `Bytes` into that body.
fn webhook_verify() -> Router {
    let secret = webhook_verify::Secret::new(SECRET);
    let layers = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(async |_: BoxError| {
            StatusCode::BAD_REQUEST
        }))
        .layer(VerifyLayer::<Bytes>::new(
            Provider::StandardWebhooks,
            secret,
        ))
        .map_request(|request: Request<Bytes>| request.map(Body::from));
    router(post(receive).layer(layers))
}

fn axum_standardwebhooks() -> Router {
    async fn handler(StandardWebhook(body): StandardWebhook<Bytes>) {
        receive(body).await;
    }
    let webhook = standardwebhooks::Webhook::new(SECRET).expect("valid");
    router(post(handler).with_state(SharedWebhook::new(webhook)))
}

/// Verifies GitHub's own scheme.
fn tower_github_webhook() -> Router {
    let layers = ServiceBuilder::new()
        .layer(ValidateGitHubWebhookLayer::new(SECRET))
        .map_request(|request: Request<Full<Bytes>>| request.map(Body::new));
    router(post(receive).layer(layers))
}

fn router(webhook: MethodRouter) -> Router {
    Router::new().route("/webhook", webhook)
}
