//! Helpers for tests over sockets: deliveries signed by the official `standardwebhooks` crate, and a receiver.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::HeaderMap;
use standardwebhooks::Webhook;
use tower_svix::{Secret, SvixVerifyLayer, VerifiedEvent};

pub const SECRET: &str = concat!("whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
pub const BODY_LIMIT: usize = 64 * 1024;

pub fn layer() -> SvixVerifyLayer {
    let secret: Secret = SECRET.parse().unwrap();
    SvixVerifyLayer::new(secret).body_limit(BODY_LIMIT)
}

/// A body and headers. The signature may be that of another body.
#[derive(Clone)]
pub struct Delivery {
    pub id: String,
    pub body: Bytes,
    timestamp: String,
    signature: String,
}

impl Delivery {
    pub fn genuine(id: &str, body: impl Into<Bytes>) -> Self {
        Self::aged(id, body, 0)
    }

    /// Returns a delivery that was signed so many seconds ago.
    pub fn aged(id: &str, body: impl Into<Bytes>, seconds: i64) -> Self {
        let body = body.into();
        Self::sign(id, &body, body.clone(), seconds)
    }

    /// Returns a delivery with a well-formed signature of another body.
    pub fn forged(id: &str, body: impl Into<Bytes>) -> Self {
        Self::sign(id, b"another body", body.into(), 0)
    }

    fn sign(id: &str, signed: &[u8], body: Bytes, age: i64) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let timestamp = i64::try_from(now.as_secs()).unwrap() - age;
        let webhook = Webhook::new(SECRET).unwrap();
        Self {
            id: id.into(),
            timestamp: timestamp.to_string(),
            signature: webhook.sign(id, timestamp, signed).unwrap(),
            body,
        }
    }

    /// Replaces a header, after the delivery was signed.
    pub fn set(&mut self, name: &str, value: &str) {
        let header = match name {
            standardwebhooks::HEADER_WEBHOOK_ID => &mut self.id,
            standardwebhooks::HEADER_WEBHOOK_TIMESTAMP => &mut self.timestamp,
            standardwebhooks::HEADER_WEBHOOK_SIGNATURE => &mut self.signature,
            _ => panic!("a delivery has no {name}"),
        };
        *header = value.into();
    }

    pub fn timestamp(&self) -> &[u8] {
        self.timestamp.as_bytes()
    }

    pub fn headers(&self) -> HeaderMap {
        [
            (standardwebhooks::HEADER_WEBHOOK_ID, &self.id),
            (standardwebhooks::HEADER_WEBHOOK_TIMESTAMP, &self.timestamp),
            (standardwebhooks::HEADER_WEBHOOK_SIGNATURE, &self.signature),
        ]
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect()
    }
}

/// A server under test, and the deliveries that its handler got.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    pub inbox: Inbox,
}

/// The ids and bodies of the deliveries that reached the handler.
#[derive(Clone, Default)]
pub struct Inbox(Arc<Mutex<Vec<(String, Bytes)>>>);

impl Inbox {
    pub fn put(&self, event: &VerifiedEvent, body: Bytes) {
        self.0.lock().unwrap().push((event.id().into(), body));
    }

    /// Asserts that the handler got exactly these deliveries, with exactly their bytes.
    #[track_caller]
    pub fn assert_holds(&self, expected: &[&Delivery]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|delivery| (delivery.id.clone(), delivery.body.clone()))
            .collect();
        assert_eq!(*self.0.lock().unwrap(), expected);
    }
}

/// How long a test waits for an event that must happen.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Waits for something that must happen. Fails the test if it takes longer than [`TIMEOUT`].
pub async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(TIMEOUT, future)
        .await
        .expect("it happens in time")
}
