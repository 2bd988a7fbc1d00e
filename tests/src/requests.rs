//! Deliveries signed by the official `standardwebhooks` crate, not by the crate under test.

use std::mem;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::Request;
use http_body::Body;
use http_body_util::{BodyExt as _, Full, StreamBody};
use standardwebhooks::Webhook;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_svix::{Clock, SvixVerifyLayer};

use crate::keys::{body_from_test, echo};

/// In two parts, so that no scanner takes it for a real secret.
pub const SECRET: &str = concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
pub const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
/// The time that the clock of [`layer`] shows, in seconds since 1970.
pub const NOW: u64 = 1_614_265_330;
pub const BODY: &[u8] = br#"{"type":"job.completed","data":{"job_id":"1"}}"#;

/// A clock that stands still, or cannot tell the time.
#[derive(Debug)]
pub struct Stopped(pub Option<u64>);

impl Clock for Stopped {
    fn unix_seconds(&self) -> Option<u64> {
        self.0
    }
}

/// Returns a layer that verifies with [`SECRET`] at [`NOW`].
pub fn layer() -> SvixVerifyLayer {
    let secret: tower_svix::Secret = SECRET.parse().expect("the secret is well-formed");
    SvixVerifyLayer::new(secret).clock(Stopped(Some(NOW)))
}

/// Returns the signature header for `signed`, delivered as [`ID`] at `unix_seconds`.
pub fn signature(unix_seconds: u64, signed: &[u8]) -> String {
    let unix_seconds = i64::try_from(unix_seconds).expect("a time of this millennium");
    Webhook::new(SECRET)
        .and_then(|webhook| webhook.sign(ID, unix_seconds, signed))
        .expect("the payload is UTF-8")
}

/// Returns the head of a delivery with a signature of `signed`.
pub fn head(signed: &[u8]) -> http::request::Builder {
    head_with_signature(&signature(NOW, signed))
}

/// Returns the head of a delivery with any text as its signature.
pub fn head_with_signature(signature: &str) -> http::request::Builder {
    Request::post("/webhook")
        .header("webhook-id", ID)
        .header("webhook-timestamp", NOW.to_string())
        .header("webhook-signature", signature)
}

/// Returns a valid delivery of [`BODY`].
pub fn genuine() -> Request<Full<Bytes>> {
    head(BODY)
        .body(Full::from(BODY))
        .expect("the head is well-formed")
}

/// Returns a delivery with the signature of another body.
pub fn forged() -> Request<Full<Bytes>> {
    head(BODY)
        .body(Full::from("{}"))
        .expect("the head is well-formed")
}

/// Returns a body that starts, and then stalls.
pub fn stalled_body() -> impl Body<Data = Bytes, Error = std::io::Error> + Send + Sync + 'static {
    use futures_util::{StreamExt as _, stream};

    let first = Ok(http_body::Frame::data(Bytes::from_static(b"{")));
    StreamBody::new(stream::iter([first]).chain(stream::pending()))
}

/// Reads all bytes of `body`.
pub async fn read<B>(body: B) -> Bytes
where
    B: Body,
    B::Error: std::fmt::Debug,
{
    body.collect()
        .await
        .expect("the body can be read")
        .to_bytes()
}

/// Returns a layer whose memory is taken by a stalled request.
pub fn layer_without_memory() -> SvixVerifyLayer {
    let layer = layer().memory_limit(BODY.len());
    let (frames, body) = body_from_test();
    let request = genuine().map(|_| body);
    let mut stalled = Box::pin(layer.layer(service_fn(echo)).oneshot(request));
    frames.send(BODY).unwrap();
    assert!(stalled.as_mut().now_or_never().is_none());
    mem::forget((frames, stalled));
    layer
}
