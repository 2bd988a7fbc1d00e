//! Moving over from the crates `standardwebhooks` or `svix`: a handler before and after.
//!
//! In `svix`, the type is `svix::webhooks::Webhook`, with the same `new` and `verify`. The text of the secret and the
//! tolerance of five minutes stay the same. These things change:
//!
//! - Rejected now, accepted before: an id with a full stop, a repeated header, a timestamp with leading zeros, headers
//!   of two families that are complete only together (`svix`), and secrets of less than 16 bytes.
//! - Accepted now, rejected before: a body that is not UTF-8, and `svix-*` headers (`standardwebhooks`).
//! - A rejection tells its cause, as the `code` in the body of the response.
//! - `Webhook::from_bytes` becomes `Secret::from_bytes`, and `verify_ignoring_timestamp` of `svix` becomes
//!   `insecure_ignore_timestamp`.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use standardwebhooks::{Webhook, WebhookError};
use tower_svix::{KeyError, SvixVerifyLayer, VerifiedEvent};

/// Before: each handler must call `verify` itself.
///
/// # Errors
///
/// If the text is no secret.
pub fn before(secret: &str) -> Result<Router, WebhookError> {
    async fn receive(
        State(webhook): State<Arc<Webhook>>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<String, StatusCode> {
        let verdict = webhook.verify(&body, &headers);
        verdict.map_err(|_| StatusCode::UNAUTHORIZED)?;
        Ok(format!("{} bytes", body.len()))
    }

    let webhook = Arc::new(Webhook::new(secret)?);
    Ok(Router::new()
        .route("/webhook", post(receive))
        .with_state(webhook))
}

/// After: the handler runs for verified deliveries only.
///
/// # Errors
///
/// If the text is no secret.
pub fn after(secret: &str) -> Result<Router, KeyError> {
    async fn receive(event: VerifiedEvent) -> String {
        format!("{} bytes", event.payload().len())
    }

    let keys: tower_svix::Secret = secret.parse()?;
    let webhook = post(receive).route_layer(SvixVerifyLayer::new(keys));
    Ok(Router::new().route("/webhook", webhook))
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    const SECRET: &str = concat!("whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD");

    /// A delivery that `standardwebhooks` signed, of the body or of another.
    fn delivery(id: &str, signed: &[u8], body: &'static [u8]) -> Request<Body> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = i64::try_from(now.as_secs()).unwrap();
        let signature = Webhook::new(SECRET).unwrap().sign(id, now, signed);
        Request::post("/webhook")
            .header("webhook-id", id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", signature.unwrap())
            .body(Body::from(body))
            .unwrap()
    }

    fn both() -> [Router; 2] {
        [before(SECRET).unwrap(), after(SECRET).unwrap()]
    }

    #[tokio::test]
    async fn both_accept_the_same_genuine_delivery() {
        for app in both() {
            let response = app.oneshot(delivery("msg_1", b"{}", b"{}")).await.unwrap();
            assert_eq!(response.status(), 200);
            let body = to_bytes(response.into_body(), 1024).await.unwrap();
            assert_eq!(body, "2 bytes");
        }
    }

    #[tokio::test]
    async fn both_reject_the_same_forged_delivery() {
        for app in both() {
            let response = app.oneshot(delivery("msg_1", b"{}", b"[]")).await.unwrap();
            assert_eq!(response.status(), 401);
        }
    }

    #[tokio::test]
    async fn what_is_said_to_change_changes() {
        async fn statuses(request: impl Fn() -> Request<Body>) -> [u16; 2] {
            let mut statuses = [0; 2];
            for (status, app) in statuses.iter_mut().zip(both()) {
                *status = app.oneshot(request()).await.unwrap().status().as_u16();
            }
            statuses
        }

        let dotted = || delivery("msg.1", b"{}", b"{}");
        assert_eq!(statuses(dotted).await, [200, 401]);

        let repeated = || {
            let mut request = delivery("msg_1", b"{}", b"{}");
            let headers = request.headers_mut();
            headers.append("webhook-signature", "v1,".parse().unwrap());
            request
        };
        assert_eq!(statuses(repeated).await, [200, 401]);

        let leading_zero = || {
            let mut request = delivery("msg_1", b"{}", b"{}");
            let timestamp = &request.headers()["webhook-timestamp"];
            let timestamp = format!("0{}", timestamp.to_str().unwrap());
            let headers = request.headers_mut();
            headers.insert("webhook-timestamp", timestamp.parse().unwrap());
            request
        };
        assert_eq!(statuses(leading_zero).await, [200, 401]);

        let renamed = || {
            let mut request = delivery("msg_1", b"{}", b"{}");
            for name in ["id", "timestamp", "signature"] {
                let headers = request.headers_mut();
                let value = headers.remove(format!("webhook-{name}")).unwrap();
                let renamed: axum::http::HeaderName = format!("svix-{name}").parse().unwrap();
                headers.insert(renamed, value);
            }
            request
        };
        assert_eq!(statuses(renamed).await, [401, 200]);

        let not_utf8 = || {
            let secret: tower_svix::Secret = SECRET.parse().unwrap();
            let request = tower_svix::test_util::SignedRequest::new(secret)
                .uri("/webhook")
                .body(&b"\xff"[..])
                .build();
            request.map(Body::new)
        };
        assert_eq!(statuses(not_utf8).await, [401, 200]);

        let short = "whsec_c2hvcnQ=";
        assert!(before(short).is_ok() && after(short).is_err());
    }
}
