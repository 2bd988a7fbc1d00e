//! The receiver, which verifies an event and acknowledges it once it is on disk.

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use axum::middleware;
use axum::response::Response;
use axum::routing::post_service;
use tower::Layer as _;
use tower_http::timeout::TimeoutLayer;
use tower_svix::{Keyring, SvixVerifyLayer};
use tower_svix_sqlx::{Engine, Inbox};

/// How long a request may take, body included. Svix gives up after 15 seconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// `POST /webhook`.
///
/// Pulse expects a response within five seconds, and the inbox responds within two. The receiver does not parse the
/// payload: if it rejected a payload that it cannot parse, a genuine event would be lost once the sender gives up. If a
/// body does not arrive in time, the response is 503 with `Retry-After`, because many senders never retry after a 4xx
/// such as 408.
///
/// A request that was not verified cannot reach the worker: without `SvixVerifyLayer`, the inbox answers with 500.
pub fn receiver<DB: Engine>(secrets: impl Into<Keyring>, inbox: Inbox<DB>) -> Router {
    let verified = SvixVerifyLayer::new(secrets).layer(inbox);
    Router::new()
        .route("/webhook", post_service(verified))
        // Outside the verification, which waits for the body.
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            REQUEST_TIMEOUT,
        ))
        .layer(middleware::map_response(ask_to_retry))
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
