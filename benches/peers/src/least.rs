//! The least that such a layer can do, written by hand in steps. The difference between it and tower-svix is the cost
//! of tower-svix.
//!
//! It promises less: no limit of the body, no strict headers, one key, one signature, no rotation, no wiping, no pause
//! in a poll, and a comparison that is in constant time only by luck.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use sha2::Sha256;
use tower::{Service, ServiceExt as _, service_fn};

use crate::limit::BareHmac;
use crate::services::RequestBody;

/// How much of the work is done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Three headers are looked up, and the MAC of id, timestamp and body is compared.
    Mac,
    /// The timestamp is compared with the clock.
    Time,
    /// The event goes into the extensions of the request.
    Event,
}

pub const STEPS: [(&str, Step); 3] = [
    ("the least: MAC compared", Step::Mac),
    ("the least: and the time", Step::Time),
    ("the least: and the event in the extensions", Step::Event),
];

/// As large as a `VerifiedEvent`.
#[expect(dead_code, reason = "only its size counts")]
#[derive(Clone)]
pub struct Event {
    id: [u8; 40],
    unix_seconds: u64,
    pub payload: Bytes,
    key_index: usize,
    tenant: Option<Arc<str>>,
    family: usize,
}

/// Wraps a service that takes `Bytes`.
pub fn layer<S, B, R>(
    step: Step,
    inner: S,
) -> impl Service<Request<B>, Response = Response<R>, Error = S::Error, Future: Send> + Clone
where
    S: Service<Request<Bytes>, Response = Response<R>, Future: Send> + Clone + Send + 'static,
    B: RequestBody,
    R: Default + Send,
{
    let key = Arc::new(BareHmac::new());
    service_fn(move |request: Request<B>| {
        let key = Arc::clone(&key);
        let inner = inner.clone();
        async move {
            let (mut head, body) = request.into_parts();
            let payload = body.collect().await.expect("a whole body").to_bytes();
            let Some(event) = verify(&head.headers, &payload, &key, step) else {
                let mut response = Response::default();
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                return Ok(response);
            };
            if step >= Step::Event {
                head.extensions.insert(event);
            }
            inner.oneshot(Request::from_parts(head, payload)).await
        }
    })
}

fn verify(headers: &HeaderMap, payload: &Bytes, key: &BareHmac, step: Step) -> Option<Event> {
    let id = headers.get("webhook-id")?.as_bytes();
    let timestamp = headers.get("webhook-timestamp")?.to_str().ok()?;
    let signature = headers.get("webhook-signature")?.as_bytes();
    let unix_seconds: u64 = timestamp.parse().ok()?;
    if step >= Step::Time {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        if now.as_secs().abs_diff(unix_seconds) > 300 {
            return None;
        }
    }
    let mut mac: Hmac<Sha256> = key.start();
    for part in [id, b".", timestamp.as_bytes(), b".", payload] {
        mac.update(part);
    }
    let mut text = [0; 44];
    STANDARD
        .encode_slice(mac.finalize().into_bytes(), &mut text)
        .ok()?;
    let is_same = signature.strip_prefix(b"v1,")? == text;
    let mut id_of_event = [0; 40];
    id_of_event.get_mut(..id.len())?.copy_from_slice(id);
    is_same.then(|| Event {
        id: id_of_event,
        unix_seconds,
        payload: payload.clone(),
        key_index: 0,
        tenant: None,
        family: 0,
    })
}
