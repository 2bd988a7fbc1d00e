//! axum with state, and handlers that take a verified event or its parsed payload.
//!
//! Needs the features `axum` and `json`. Both extractors leave the body alone, so a handler can take it too. On a
//! route that is not behind the layer, they answer with 500, and the handler does not run.
//!
//! `VerifiedJson<T>` answers with 400 to a payload that does not fit `T`. If the sender may add types of events, take
//! `VerifiedEvent` and call `event.json()`, so that you can acknowledge events that you do not know.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use tower_svix::extract::VerifiedJson;
use tower_svix::{Secret, SvixVerifyLayer, VerifiedEvent};

/// The state that the handlers share.
#[derive(Clone, Default)]
pub struct Totals {
    events: Arc<AtomicU64>,
    cents: Arc<AtomicU64>,
}

#[derive(Deserialize)]
struct Payment {
    cents: u64,
}

pub fn app(secret: Secret, totals: Totals) -> Router {
    Router::new()
        .route("/events", post(receive))
        .route("/payments", post(pay))
        // Guards the routes above it, and not those below.
        .route_layer(SvixVerifyLayer::new(secret))
        .route("/total", get(total))
        .with_state(totals)
}

async fn receive(State(totals): State<Totals>, event: VerifiedEvent) -> String {
    totals.events.fetch_add(1, Ordering::Relaxed);
    format!("{}: {} bytes\n", event.id(), event.payload().len())
}

async fn pay(
    State(totals): State<Totals>,
    VerifiedJson { event, payload, .. }: VerifiedJson<Payment>,
) -> (StatusCode, String) {
    totals.cents.fetch_add(payload.cents, Ordering::Relaxed);
    (StatusCode::ACCEPTED, format!("paid: {}\n", event.id()))
}

async fn total(State(totals): State<Totals>) -> String {
    let (events, cents) = (&totals.events, &totals.cents);
    format!("{events:?} events, {cents:?} cents\n")
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::{Request, Response};
    use tower::ServiceExt as _;
    use tower_svix::test_util::SignedRequest;

    use super::*;

    const SECRET: &str = concat!("whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD");

    fn delivery(path: &str, payload: &'static str) -> SignedRequest {
        let secret: Secret = SECRET.parse().unwrap();
        SignedRequest::new(secret).uri(path).body(payload)
    }

    async fn total_of(app: Router) -> String {
        let request = Request::get("/total").body(Body::empty()).unwrap();
        text(app.oneshot(request).await.unwrap()).await
    }

    async fn text(response: Response<Body>) -> String {
        let body = to_bytes(response.into_body(), 1024).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn genuine_deliveries_reach_the_handlers_and_the_state() {
        let app = app(SECRET.parse().unwrap(), Totals::default());

        let event = delivery("/events", "{}").id("msg_1").build();
        let response = app.clone().oneshot(event).await.unwrap();
        assert_eq!(text(response).await, "msg_1: 2 bytes\n");

        let payment = delivery("/payments", r#"{"cents": 250}"#).build();
        let response = app.clone().oneshot(payment).await.unwrap();
        assert_eq!(response.status(), 202);
        assert_eq!(total_of(app).await, "1 events, 250 cents\n");
    }

    #[tokio::test]
    async fn a_forged_delivery_changes_nothing() {
        let app = app(SECRET.parse().unwrap(), Totals::default());
        for path in ["/events", "/payments"] {
            let forged = delivery(path, r#"{"cents": 250}"#).build_forged();
            let response = app.clone().oneshot(forged).await.unwrap();
            assert_eq!(response.status(), 401, "{path}");
        }
        assert_eq!(total_of(app).await, "0 events, 0 cents\n");
    }

    #[tokio::test]
    async fn a_genuine_payload_of_another_type_is_a_bad_request() {
        let app = app(SECRET.parse().unwrap(), Totals::default());
        let other = delivery("/payments", r#"{"cents": "250"}"#).build();
        let response = app.oneshot(other).await.unwrap();
        assert_eq!(response.status(), 400);
        assert!(text(response).await.contains("payload-mismatch"));
    }

    #[tokio::test]
    async fn a_route_without_the_layer_is_an_error_of_the_server() {
        let unguarded = Router::new()
            .route("/events", post(receive))
            .route("/payments", post(pay))
            .with_state(Totals::default());
        for path in ["/events", "/payments"] {
            let genuine = delivery(path, r#"{"cents": 250}"#).build();
            let response = unguarded.clone().oneshot(genuine).await.unwrap();
            assert_eq!(response.status(), 500, "{path}");
        }
    }
}
