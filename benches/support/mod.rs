//! What the benchmarks share: a delivery, and the service that receives it.

// Each benchmark is a separate crate, and uses a part of this.
#![allow(dead_code)]
#![allow(clippy::unwrap_used, reason = "a benchmark that panics has failed")]

pub(crate) mod cpu_time;
#[cfg(feature = "ed25519")]
pub(crate) mod ed25519;
mod frames;
#[path = "../../tests/src/net.rs"]
pub(crate) mod net;

use std::convert::Infallible;
use std::fmt::Debug;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use sha2::Sha256;
use tower::{Layer as _, Service, service_fn};
use tower_svix::{Keyring, Secret, SvixVerifyLayer};

pub(crate) use self::frames::Frames;
use self::net::{Delivery, SECRET};

/// A delivery, signed by the `standardwebhooks` crate, and a layer.
#[derive(Clone)]
pub(crate) struct Case {
    layer: SvixVerifyLayer,
    request: Request<Frames>,
    verdict: StatusCode,
    /// The number of passes over the body until the verdict.
    pub(crate) macs: u64,
}

impl Case {
    /// Returns a genuine delivery of `len` bytes, which arrive in frames of at most `frame` bytes.
    pub(crate) fn genuine(len: usize, frame: usize) -> Self {
        Self::new(&Delivery::genuine(ID, body(len)), frame, StatusCode::OK)
    }

    /// Returns the same with the signature of another body.
    pub(crate) fn forged(len: usize, frame: usize) -> Self {
        let delivery = Delivery::forged(ID, body(len));
        Self::new(&delivery, frame, StatusCode::UNAUTHORIZED)
    }

    fn new(delivery: &Delivery, frame: usize, verdict: StatusCode) -> Self {
        Self {
            layer: layer(secret()),
            request: request(delivery, frame),
            verdict,
            macs: 1,
        }
    }

    /// Sets this number of keys. The one at `position` is the sender's.
    pub(crate) fn keys(mut self, keys: u8, position: u8) -> Self {
        let keyring: Keyring = (0..keys)
            .map(|index| {
                if index == position {
                    secret()
                } else {
                    Secret::from_bytes(&[index + 1; 24]).unwrap()
                }
            })
            .collect();
        self.layer = layer(keyring);
        self.macs = match self.verdict {
            StatusCode::OK => position + 1,
            _ => keys,
        }
        .into();
        self
    }

    /// Makes the delivery too old.
    pub(crate) fn stale(mut self) -> Self {
        let old = HeaderValue::from_static("1700000000");
        self.request.headers_mut().insert("webhook-timestamp", old);
        self.rejected_for_its_headers()
    }

    /// Removes the signature.
    pub(crate) fn unsigned(mut self) -> Self {
        self.request.headers_mut().remove("webhook-signature");
        self.rejected_for_its_headers()
    }

    fn rejected_for_its_headers(mut self) -> Self {
        self.verdict = StatusCode::UNAUTHORIZED;
        self.macs = 0;
        self
    }

    /// Renames the headers to `svix-*`.
    pub(crate) fn svix(mut self) -> Self {
        let headers = self.request.headers_mut();
        for part in ["id", "timestamp", "signature"] {
            let value = headers.remove(format!("webhook-{part}")).unwrap();
            let name: HeaderName = format!("svix-{part}").parse().unwrap();
            headers.insert(name, value);
        }
        self
    }

    /// Lists this number of signatures. The last is the sender's.
    pub(crate) fn listed(mut self, signatures: usize) -> Self {
        let own = &self.request.headers()["webhook-signature"];
        let mut list = vec![format!("v1,{}=", "A".repeat(43)); signatures - 1];
        list.push(own.to_str().unwrap().to_owned());
        self.set_signatures(&list.join(" "));
        self
    }

    fn set_signatures(&mut self, list: &str) {
        let headers = self.request.headers_mut();
        headers.insert("webhook-signature", list.parse().unwrap());
    }

    /// Returns a function that delivers through the layer.
    pub(crate) fn verified(&self) -> impl FnMut() + use<> {
        let service = self.layer.layer(service_fn(receive));
        serve(service, self.request.clone(), self.verdict)
    }

    /// Returns a function that delivers without the layer: to the same service if the delivery is accepted, else to one
    /// that responds without reading the body.
    pub(crate) fn bare(&self) -> Box<dyn FnMut()> {
        let request = self.request.clone();
        if self.verdict == StatusCode::OK {
            Box::new(serve(service_fn(receive), request, self.verdict))
        } else {
            Box::new(serve(service_fn(reject), request, self.verdict))
        }
    }

    /// Returns a function that computes the HMAC with a prepared key: the limit of any verification.
    pub(crate) fn hmac(&self) -> impl FnMut() + use<> {
        let signed = self.signed_bytes();
        let key = Hmac::<Sha256>::new_from_slice(&[7; 24]).unwrap();
        move || {
            let mut state = key.clone();
            state.update(black_box(&signed));
            black_box(state.finalize());
        }
    }

    /// `id.timestamp.body`
    fn signed_bytes(&self) -> Vec<u8> {
        let headers = self.request.headers();
        let text = |part| {
            let value = headers.get(format!("webhook-{part}"));
            let value = value.or_else(|| headers.get(format!("svix-{part}")));
            value.unwrap().to_str().unwrap()
        };
        let head = format!("{}.{}.", text("id"), text("timestamp"));
        [head.as_bytes(), self.request.body().rest()].concat()
    }
}

pub(crate) const KIB: usize = 1024;
pub(crate) const MIB: usize = 1024 * KIB;
/// One frame for the whole body.
pub(crate) const WHOLE: usize = usize::MAX;

const ID: &str = "msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa";

fn body(len: usize) -> Bytes {
    br#"{"type":"job.completed","data":{"job_id":"1"}}"#
        .iter()
        .copied()
        .cycle()
        .take(len)
        .collect()
}

/// Returns a delivery with a body in frames of at most `frame` bytes.
pub(crate) fn request(delivery: &Delivery, frame: usize) -> Request<Frames> {
    let mut request = Request::post("/webhook")
        .header("host", "example.com")
        .header("accept", "*/*")
        .header("content-type", "application/json")
        .header("content-length", delivery.body.len())
        .header("user-agent", "Svix-Webhooks/1.62.0")
        .body(Frames::new(delivery.body.clone(), frame))
        .unwrap();
    request.headers_mut().extend(delivery.headers());
    request
}

pub(crate) fn secret() -> Secret {
    SECRET.parse().unwrap()
}

pub(crate) fn layer(keys: impl Into<Keyring>) -> SvixVerifyLayer {
    SvixVerifyLayer::new(keys).body_limit(16 * 1024 * 1024)
}

/// Sends clones of a request to a service.
fn serve<S, ResBody>(
    mut service: S,
    request: Request<Frames>,
    expected: StatusCode,
) -> impl FnMut() + use<S, ResBody>
where
    S: Service<Request<Frames>, Response = Response<ResBody>, Error = Infallible>,
{
    move || {
        let Ok(response) = run(service.call(black_box(&request).clone()));
        assert_eq!(response.status(), expected);
        black_box(response);
    }
}

/// The service. It reads the whole body.
pub(crate) async fn receive<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible>
where
    B: Body<Error: Debug>,
{
    black_box(request.into_body().collect().await.unwrap().to_bytes());
    Ok(Response::new(Full::default()))
}

async fn reject(request: Request<Frames>) -> Result<Response<Full<Bytes>>, Infallible> {
    drop(request);
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    Ok(response)
}

/// Runs a future that waits only for its next turn.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
