//! The same axum server without verification, and with each peer that goes into one.

use std::hint::black_box;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::error_handling::HandleErrorLayer;
use axum::extract::State;
use axum::routing::{MethodRouter, post};
use axum_standardwebhooks::{SharedWebhook, StandardWebhook};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use tower::{BoxError, ServiceBuilder};
use webhook_verify::Provider;
use webhook_verify::tower::VerifyLayer;

use crate::delivery::SECRET;
use crate::limit::BareHmac;
use crate::services::tower_svix_layer;

/// Receives the whole body and drops it.
async fn receive(body: Bytes) {
    black_box(body);
}

pub fn unverified() -> Router {
    router(post(receive))
}

/// What no verification can do without: the MAC of the body, and nothing else.
pub fn bare_hmac() -> Router {
    async fn handler(State(hmac): State<Arc<BareHmac>>, body: Bytes) {
        hmac.compute_over("1700000000", &body);
        receive(body).await;
    }
    router(post(handler).with_state(Arc::new(BareHmac::new())))
}

pub fn tower_svix() -> Router {
    router(post(receive).layer(tower_svix_layer()))
}

/// As the documentation of `svix` shows it: in the handler.
pub fn svix() -> Router {
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

/// Its error is no `Infallible`, so that axum needs a layer that handles errors around it. With axum's own body it is
/// not `Sync`, as axum asks of a service, so that one inside turns `Bytes` into that.
pub fn webhook_verify() -> Router {
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

pub fn axum_standardwebhooks() -> Router {
    async fn handler(StandardWebhook(body): StandardWebhook<Bytes>) {
        receive(body).await;
    }
    let webhook = standardwebhooks::Webhook::new(SECRET).expect("valid");
    router(post(handler).with_state(SharedWebhook::new(webhook)))
}

fn router(webhook: MethodRouter) -> Router {
    Router::new().route("/webhook", webhook)
}
