//! The routes, their layers and their handlers.

use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tower_svix::idempotency::{Outcome, Store};
use tower_svix::{IdempotencyLayer, Keyring, Rejection, SvixVerifyLayer, VerifiedEvent};

use crate::events::{Events, Received};
use crate::limits::{BODY_LIMIT, MEMORY_LIMIT, REQUEST_TIMEOUT};
use crate::say;

pub(crate) fn router(keys: Keyring, store: impl Store, metrics: PrometheusHandle) -> Router {
    let events = Events::default();
    // The last layer is the outermost.
    let webhook = post(receive)
        .route_layer(IdempotencyLayer::new(store))
        .route_layer(middleware::from_fn_with_state(
            events.clone(),
            report_duplicate,
        ))
        .route_layer(
            SvixVerifyLayer::new(keys)
                .body_limit(BODY_LIMIT)
                .memory_limit(MEMORY_LIMIT),
        );
    Router::new()
        .route("/webhook", webhook)
        .route("/events", get(list))
        .route("/metrics", get(async move || metrics.render()))
        .layer(middleware::map_response(report_rejection))
        // Not 408: many senders never retry after a 4xx, and the delivery may be genuine.
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            REQUEST_TIMEOUT,
        ))
        .layer(middleware::map_response(ask_to_retry))
        // After a panic, the claim is released, and the sender gets a 500 and retries.
        .layer(CatchPanicLayer::new())
        .with_state(events)
}

/// Runs once for each verified event.
async fn receive(
    State(events): State<Events>,
    Extension(event): Extension<VerifiedEvent>,
) -> String {
    // Acknowledge an event even if the payload cannot be parsed: a retry would have the same payload.
    let received = events.record(&event);
    say(format_args!("event {received}"));
    format!("received {received}\n")
}

async fn list(State(events): State<Events>) -> Json<Vec<Received>> {
    Json(events.list())
}

/// Counts duplicates, and prints other outcomes. `IdempotencyLayer` puts the outcome into the extensions of the
/// response.
async fn report_duplicate(
    State(events): State<Events>,
    Extension(event): Extension<VerifiedEvent>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    match response.extensions().get::<Outcome>() {
        None | Some(Outcome::Processed) => {}
        Some(Outcome::Replayed) => match events.record_duplicate(event.id()) {
            Some(known) => say(format_args!("duplicate {known}")),
            None => say(format_args!(
                "duplicate {} (of an earlier run or another server)",
                event.id()
            )),
        },
        Some(outcome) => say(format_args!("{} {}: {outcome}", outcome.code(), event.id())),
    }
    response
}

/// Prints why a delivery was rejected. `SvixVerifyLayer` puts the reason into the extensions of the response.
async fn report_rejection(response: Response) -> Response {
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        say(format_args!("rejected {}: {rejection}", rejection.code()));
    }
    response
}

/// Adds `Retry-After` to a 503, because some senders retry a 503 only with this header.
async fn ask_to_retry(mut response: Response) -> Response {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        let headers = response.headers_mut();
        headers
            .entry(RETRY_AFTER)
            .or_insert(HeaderValue::from_static("30"));
    }
    response
}
