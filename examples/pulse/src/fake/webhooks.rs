//! Webhooks that are signed and retried like those of Svix.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use standardwebhooks::Webhook;

use super::Fake;

/// The endpoint that events are sent to.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub url: String,
    pub secret: String,
}

/// A delivery and its response.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub event_id: String,
    pub event_type: String,
    pub job_id: String,
    /// `None` if there was no response.
    pub status: Option<StatusCode>,
}

/// Svix waits from five seconds to ten hours between attempts. The fake waits less.
const PAUSES_MS: [u64; 14] = [
    100, 200, 400, 800, 1000, 1000, 2000, 2000, 2000, 2000, 5000, 5000, 5000, 5000,
];

impl Fake {
    /// Delivers an event until it is acknowledged.
    pub(super) fn send(&self, event: &Value) {
        let fake = self.clone();
        let event = event.clone();
        let event_id = format!("msg_{:032x}", rand::random::<u128>());
        tokio::spawn(async move {
            for pause in PAUSES_MS {
                match fake.deliver(&event_id, &event).await {
                    Some(status) if status.is_success() => return,
                    _ => tokio::time::sleep(Duration::from_millis(pause)).await,
                }
            }
        });
    }

    /// Delivers an event once, and returns the status of the response.
    pub async fn deliver(&self, event_id: &str, event: &Value) -> Option<StatusCode> {
        let endpoint = self.state().endpoint.clone()?;
        let body = event.to_string();
        let request = self
            .shared
            .http
            .post(&endpoint.url)
            .headers(sign(&endpoint.secret, event_id, &body))
            .body(body);
        let status = request.send().await.ok().map(|response| response.status());
        self.state().deliveries.push(Delivery {
            event_id: event_id.to_owned(),
            event_type: event["type"].as_str().unwrap_or_default().to_owned(),
            job_id: event["data"]["job_id"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            status,
        });
        status
    }
}

/// Returns the headers of a delivery that is signed now.
///
/// # Panics
///
/// If the text is not a secret.
pub fn sign(secret: &str, event_id: &str, body: &str) -> HeaderMap {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970")
        .as_secs();
    let signature = Webhook::new(secret)
        .and_then(|key| key.sign(event_id, now.cast_signed(), body.as_bytes()))
        .expect("the secret is base64");
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/json"),
        ("svix-id", event_id),
        ("svix-timestamp", &now.to_string()),
        ("svix-signature", &signature),
    ] {
        headers.insert(name, value.parse().expect("visible ASCII"));
    }
    headers
}
