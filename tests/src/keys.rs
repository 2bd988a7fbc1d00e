//! Helpers for tests of keys and signatures: requests that are signed without this crate, and the middleware's
//! response.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full, StreamBody};
use serde::Deserialize;
use tokio::sync::mpsc;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_svix::{
    KeySource, Rejection, Secret, SvixVerifyLayer, VerifiedBody, VerifiedEvent, VerifyError,
};

use crate::sender::Sender;

pub const NOW: u64 = 1_700_000_000;
pub const ID: &str = "msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa";
pub const BODY: &[u8] = br#"{"type":"job.completed","data":{"job_id":"1"}}"#;

/// Returns a sender with its own HMAC key.
pub fn sender(number: u8) -> Sender {
    Sender::with_key([number; 24])
}

/// Returns the receiver's form of the key.
pub fn secret(sender: &Sender) -> Secret {
    sender.secret().parse().expect("a secret")
}

/// Returns the element that `sender` adds to a list of signatures for [`BODY`], sent as [`ID`] at [`NOW`].
pub fn signature(sender: &Sender) -> String {
    sender.sign(ID.as_bytes(), NOW.to_string().as_bytes(), BODY)
}

/// Returns the same element in hexadecimal digits.
pub fn hex_signature(sender: &Sender) -> String {
    let signature = signature(sender);
    let mac = STANDARD.decode(&signature["v1,".len()..]).expect("base64");
    let mut text = String::from("v1,");
    for byte in mac {
        write!(text, "{byte:02x}").expect("a string has room");
    }
    text
}

/// Returns a request with this list of signatures and [`BODY`], sent as [`ID`] at [`NOW`].
pub fn request(path: &str, signatures: &str) -> Request<Full<Bytes>> {
    request_with_body(path, signatures, Full::from(BODY))
}

/// Returns a request with this list of signatures, sent as [`ID`] at [`NOW`].
pub fn request_with_body<B>(path: &str, signatures: &str, body: B) -> Request<B> {
    Request::post(path)
        .header("webhook-id", ID)
        .header("webhook-timestamp", NOW.to_string())
        .header("webhook-signature", signatures)
        .body(body)
        .expect("the parts are valid")
}

/// Returns a valid delivery of [`BODY`] by `sender`.
pub fn delivery(path: &str, sender: &Sender) -> Request<Full<Bytes>> {
    request(path, &signature(sender))
}

/// The response, and what is in its extensions.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The cause, if it was rejected.
    pub rejection: Option<Rejection>,
    /// The event that the inner service got.
    pub event: Option<VerifiedEvent>,
}

impl Answer {
    pub async fn read<B>(response: Response<B>) -> Self
    where
        B: Body,
        B::Error: std::fmt::Debug,
    {
        let (head, body) = response.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            body: body.collect().await.expect("it can be read").to_bytes(),
            rejection: head.extensions.get().copied(),
            event: head.extensions.get().cloned(),
        }
    }

    #[track_caller]
    pub fn accepted(self) -> VerifiedEvent {
        assert_eq!(self.status, StatusCode::OK, "{:?}", self.rejection);
        self.event.expect("a verified request has an event")
    }

    /// Asserts that no listed signature matched.
    #[track_caller]
    pub fn assert_mismatch(&self) {
        let mismatch = Rejection::Unverified(VerifyError::SignatureMismatch);
        assert_eq!(self.rejection, Some(mismatch), "{self:?}");
        assert_eq!(self.status, StatusCode::UNAUTHORIZED);
        assert!(self.event.is_none());
    }
}

/// An inner service. It returns the body, and the event in the extensions of the response.
pub async fn echo(request: Request<VerifiedBody>) -> Result<Response<VerifiedBody>, Infallible> {
    let (mut head, body) = request.into_parts();
    let event: VerifiedEvent = head.extensions.remove().expect("verified");
    let mut response = Response::new(body);
    response.extensions_mut().insert(event);
    Ok(response)
}

/// Sends one request through the layer to [`echo`].
pub async fn answer<K, B>(layer: &SvixVerifyLayer<K>, request: Request<B>) -> Answer
where
    K: KeySource + Clone,
    B: Body,
{
    let Ok(response) = layer.layer(service_fn(echo)).oneshot(request).await;
    Answer::read(response).await
}

/// Returns a body and its sender. A frame arrives when the test sends it. The body ends when the sender is dropped.
pub fn body_from_test() -> (
    mpsc::UnboundedSender<&'static [u8]>,
    impl Body<Data = Bytes, Error = Infallible> + Send,
) {
    let (sender, receiver) = mpsc::unbounded_channel::<&'static [u8]>();
    let frames = stream::unfold(receiver, |mut receiver| async {
        let bytes = poll_fn(|cx| receiver.poll_recv(cx)).await?;
        Some((Ok(Frame::data(Bytes::from_static(bytes))), receiver))
    });
    (sender, StreamBody::new(Box::pin(frames)))
}

/// A body that counts its polls.
pub struct PollCounter {
    frames: VecDeque<Bytes>,
    polls: Arc<AtomicUsize>,
}

impl PollCounter {
    pub fn new(frames: &[&[u8]], polls: &Arc<AtomicUsize>) -> Self {
        Self {
            frames: frames
                .iter()
                .map(|frame| Bytes::copy_from_slice(frame))
                .collect(),
            polls: Arc::clone(polls),
        }
    }
}

impl Body for PollCounter {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(self.frames.pop_front().map(|frame| Ok(Frame::data(frame))))
    }
}

/// Returns the time of the operating system, in seconds since 1970.
pub fn unix_now() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.expect("it is after 1970").as_secs()
}

/// The part of a case of `tests/vectors/cases.json` that concerns keys.
#[derive(Deserialize)]
pub struct Case {
    pub name: String,
    pub group: String,
    pub expect: String,
    pub secret: String,
    pub now: u64,
    headers: Vec<(String, String)>,
    body_base64: String,
}

impl Case {
    pub fn all() -> Vec<Self> {
        let cases = include_str!("../vectors/cases.json");
        serde_json::from_str(cases).expect("cases.json is valid")
    }

    pub fn named(name: &str) -> Self {
        let mut cases = Self::all().into_iter();
        cases
            .find(|case| case.name == name)
            .unwrap_or_else(|| panic!("no case is named {name}"))
    }

    pub fn body(&self) -> Vec<u8> {
        STANDARD.decode(&self.body_base64).expect("base64")
    }

    pub fn headers(&self) -> HeaderMap {
        let header = |(name, value): &(String, String)| -> (HeaderName, HeaderValue) {
            let name = name.parse().expect("a legal name");
            (name, value.parse().expect("a legal value"))
        };
        self.headers.iter().map(header).collect()
    }

    pub fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::from(self.body()));
        *request.headers_mut() = self.headers();
        request
    }
}
