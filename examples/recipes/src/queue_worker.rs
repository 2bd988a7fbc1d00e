//! A queue between a web tier, which stores deliveries as they come, and a worker, which verifies them.
//!
//! Use this only if the web tier must not hold the secret. Otherwise put `SvixVerifyLayer` there and queue
//! `event.compact()`: then forgeries do not fill the queue, and the sender sees that a delivery is rejected. Here, the
//! sender has seen 202 by then and does not try again, so alert on what the worker rejects.
//!
//! The web tier notes the time of arrival, and the worker gives that time to the verifier as its clock. So the time in
//! the queue does not count, but a captured delivery that somebody sends again later is still rejected. With
//! `insecure_ignore_timestamp`, that delivery would be accepted.
//!
//! Store the body as bytes, and every value of each header. JSON that is parsed and printed again does not verify.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use tokio::sync::mpsc::Sender;
use tower_svix::{Clock, SystemClock, VerifiedEvent, Verifier, VerifyError};

/// A delivery as it came, not verified.
#[derive(Debug)]
pub struct StoredDelivery {
    headers: HeaderMap,
    body: Bytes,
    /// In seconds since 1970, by the clock of the web tier.
    arrived: u64,
}

/// The web tier. The channel stands for your queue.
pub fn web_tier(queue: Sender<StoredDelivery>) -> Router {
    Router::new()
        .route("/webhook", post(store))
        .with_state(queue)
}

/// Answers 202 once the delivery is stored, and otherwise asks the sender to try again. axum limits `Bytes` to 2 MiB.
async fn store(
    State(queue): State<Sender<StoredDelivery>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let stored = SystemClock.unix_seconds().is_some_and(|arrived| {
        let delivery = StoredDelivery {
            headers,
            body,
            arrived,
        };
        queue.try_send(delivery).is_ok()
    });
    if stored {
        StatusCode::ACCEPTED.into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "30")]).into_response()
    }
}

/// A clock that stands still at the time when a delivery arrived.
#[derive(Debug)]
struct Arrival(u64);

impl Clock for Arrival {
    fn unix_seconds(&self) -> Option<u64> {
        Some(self.0)
    }
}

/// Verifies in the worker. The clone shares the keys of `verifier`, and costs two reference counts.
///
/// # Errors
///
/// If the delivery was not valid when it arrived.
pub fn verify(
    verifier: &Verifier,
    delivery: &StoredDelivery,
) -> Result<VerifiedEvent, VerifyError> {
    let verifier = verifier.clone().clock(Arrival(delivery.arrived));
    verifier.verify(&delivery.headers, &delivery.body)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{Receiver, channel};
    use tower::ServiceExt as _;
    use tower_svix::Secret;
    use tower_svix::sign::SignedBody;
    use tower_svix::test_util::SignedRequest;

    use super::*;

    const SECRET: &str = concat!("whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    const PAYLOAD: &str = r#"{ "type": "job.completed", "n": 1e2 }"#;

    fn delivery() -> SignedRequest {
        let secret: Secret = SECRET.parse().unwrap();
        SignedRequest::new(secret)
            .uri("/webhook")
            .id("msg_1")
            .body(PAYLOAD)
    }

    fn verifier() -> Verifier {
        let secret: Secret = SECRET.parse().unwrap();
        Verifier::new(secret)
    }

    /// What the web tier stores of a request.
    async fn stored(request: axum::http::Request<SignedBody>) -> StoredDelivery {
        let (sender, mut receiver): (_, Receiver<_>) = channel(1);
        let response = web_tier(sender).oneshot(request).await.unwrap();
        assert_eq!(response.status(), 202);
        receiver.try_recv().unwrap()
    }

    #[tokio::test]
    async fn a_genuine_delivery_is_verified_as_it_came() {
        let delivery = stored(delivery().build()).await;
        let event = verify(&verifier(), &delivery).unwrap();
        assert_eq!(
            (event.id(), &event.payload()[..]),
            ("msg_1", PAYLOAD.as_bytes())
        );
    }

    #[tokio::test]
    async fn a_forged_delivery_is_rejected_by_the_worker() {
        let delivery = stored(delivery().build_forged()).await;
        let error = verify(&verifier(), &delivery).unwrap_err();
        assert_eq!(error, VerifyError::SignatureMismatch);
    }

    #[tokio::test]
    async fn a_wait_in_the_queue_does_not_count() {
        let now = SystemClock.unix_seconds().unwrap();
        let an_hour_ago = delivery().unix_seconds(now - 3600).build();
        let mut waited = stored(an_hour_ago).await;
        waited.arrived = now - 3600;
        assert!(verify(&verifier(), &waited).is_ok());
        // By the clock of the worker, it would be too old.
        assert!(verifier().verify(&waited.headers, &waited.body).is_err());
    }

    #[tokio::test]
    async fn a_captured_delivery_that_arrives_later_is_rejected() {
        let replayed = stored(delivery().build_stale()).await;
        let error = verify(&verifier(), &replayed).unwrap_err();
        assert!(
            matches!(error, VerifyError::TimestampTooOld { .. }),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_full_queue_asks_the_sender_to_try_again() {
        let (sender, _receiver) = channel(1);
        let web_tier = web_tier(sender);
        let first = web_tier.clone().oneshot(delivery().build()).await.unwrap();
        assert_eq!(first.status(), 202);
        let second = web_tier.oneshot(delivery().build()).await.unwrap();
        assert_eq!(second.status(), 503);
        assert_eq!(second.headers()[RETRY_AFTER], "30");
    }
}
