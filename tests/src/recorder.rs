//! An inner service that keeps the requests that it gets.

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
    /// The whole body.
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

/// Responds with 200 to everything. Clones share the record. Panics if it is called without being ready.
#[derive(Default)]
pub struct Recorder {
    calls: Arc<Mutex<Vec<Call>>>,
    ready: bool,
}

impl Recorder {
    /// Returns the requests so far, and removes them.
    pub fn take_calls(&self) -> Vec<Call> {
        mem::take(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clone for Recorder {
    /// The clone is not ready, which the contract of `Service` allows.
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
