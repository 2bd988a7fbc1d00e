//! An inner service that keeps what reached it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use tower::Service;
use tower_svix::{VerifiedBody, VerifiedEvent};

/// A request that reached the inner service.
#[derive(Debug)]
pub struct Call {
    pub event: VerifiedEvent,
    /// What its body read.
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

/// Answers 200 to everything, and shares the record with its clones. Panics if it is called without being ready.
#[derive(Default)]
pub struct Recorder {
    calls: Arc<Mutex<Vec<Call>>>,
    ready: bool,
}

impl Recorder {
    /// The requests so far, which are forgotten.
    pub fn take_calls(&self) -> Vec<Call> {
        mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clone for Recorder {
    /// Readiness is not cloned, which is what the contract of `Service` allows.
    fn clone(&self) -> Self {
        Self {
            calls: Arc::clone(&self.calls),
            ready: false,
        }
    }
}

impl Service<Request<VerifiedBody>> for Recorder {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<VerifiedBody>) -> Self::Future {
        assert!(mem::take(&mut self.ready), "called before it was ready");
        let event = request.extensions().get().cloned();
        let Ok(body) = super::run(request.into_body().collect());
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Call {
                event: event.expect("a verified request carries its event"),
                trailers: body.trailers().cloned(),
                body: body.to_bytes(),
            });
        ready(Ok(Response::new(Full::default())))
    }
}
