//! The receiver: it verifies an event, and acknowledges it once the inbox has it on disk.

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
/// Pulse asks for an answer within five seconds: the inbox gives one within two. It does not read the payload: if it
/// rejected one that it cannot read, a genuine event would be lost once the sender gives up. A body that does not arrive
/// in time is answered with 503 and `Retry-After`: many senders never retry after a 4xx, such as 408.
pub fn receiver<DB: Engine>(secrets: impl Into<Keyring>, inbox: Inbox<DB>) -> Router {
    let verified = SvixVerifyLayer::new(secrets).layer(inbox);
    Router::new()
        .route("/webhook", post_service(verified))
        // Outside of the verification, which waits for the body.
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            REQUEST_TIMEOUT,
        ))
        .layer(middleware::map_response(ask_to_retry))
}

/// Some senders retry a 503 only if it says when.
async fn ask_to_retry(mut response: Response) -> Response {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        let headers = response.headers_mut();
        headers
            .entry(RETRY_AFTER)
            .or_insert(HeaderValue::from_static("30"));
    }
    response
}
