//! The receiver: it verifies an event, drops duplicates, stores the event, and only then acknowledges it.

use std::time::Duration;

use apalis::prelude::TaskSinkError;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tower_svix::idempotency::MemoryStore;
use tower_svix::{IdempotencyLayer, Keyring, SvixVerifyLayer, VerifiedEvent};

use crate::queue::{Queue, QueueError};

/// `POST /webhook`.
pub fn receiver(secrets: impl Into<Keyring>, queue: Queue) -> Router {
    let routes = Router::new()
        .route("/webhook", post(receive))
        .with_state(queue);
    protect(routes, secrets)
}

/// How long a request may take, body included. Svix gives up after 15 seconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Lets a delivery through to `routes` once, and only if its signature holds. A handler that panics is answered for with
/// 500, so that the sender tries again; a body that does not arrive in time, with 503 and `Retry-After`: many senders
/// never retry after a 4xx, such as 408.
pub fn protect(routes: Router, secrets: impl Into<Keyring>) -> Router {
    let protected = routes.layer(
        ServiceBuilder::new()
            .layer(SvixVerifyLayer::new(secrets))
            // Spares the queue what it has just seen. What it saw before a restart, it knows itself.
            .layer(IdempotencyLayer::new(MemoryStore::new()))
            .layer(CatchPanicLayer::new()),
    );
    // Outside of the verification, which waits for the body.
    protected
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

/// Pulse asks for an answer within five seconds.
const TIME_TO_STORE: Duration = Duration::from_secs(4);

/// Does not read the payload: rejected, a genuine event would be lost once the sender gives up.
async fn receive(
    State(queue): State<Queue>,
    event: VerifiedEvent,
) -> Result<StatusCode, NotStored> {
    tokio::time::timeout(TIME_TO_STORE, queue.push_event(&event))
        .await
        .map_err(|_| NotStored::Late)?
        .map_err(NotStored::Queue)?;
    Ok(StatusCode::ACCEPTED)
}

/// Why an event is not acknowledged: the sender keeps it, and tries again.
#[derive(Debug)]
enum NotStored {
    Late,
    Queue(QueueError),
}

impl IntoResponse for NotStored {
    fn into_response(self) -> Response {
        tracing::error!(cause = ?self, "an event could not be stored");
        match self {
            Self::Queue(TaskSinkError::CodecError(_)) => {
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            Self::Late | Self::Queue(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }
}
