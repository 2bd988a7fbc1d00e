//! An inner service that keeps what it gets.

use std::future::{Ready, ready};
use std::mem;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use arbitrary::Arbitrary;
use http::{Request, Response};
use tower_service::Service;
use tower_svix::{VerifiedBody, VerifiedEvent};

use crate::drive::read_now;
use crate::encoding::{Encode, encode_struct, encode_variant};

/// How the service treats a request.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub struct Behaviour {
    /// How often it is not ready.
    pub waits: u8,
    pub answer: Answer,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Response,
    NeverReady,
    Failure,
}

/// Why the service did not respond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed(pub Answer);

/// A request that reached the service.
#[derive(Debug)]
pub struct Call {
    pub event: VerifiedEvent,
    pub body: Vec<u8>,
}

/// Clones share the record. It is a finding if one is called before it is ready.
#[derive(Debug)]
pub struct Recorder {
    behaviour: Behaviour,
    waited: u8,
    ready: bool,
    record: Arc<Mutex<Record>>,
}

/// The requests that reached the service, and whether it was asked for capacity.
#[derive(Debug, Default)]
pub struct Record {
    pub calls: Vec<Call>,
    pub was_polled: bool,
}

impl Recorder {
    pub fn new(behaviour: Behaviour) -> Self {
        Self {
            behaviour,
            waited: 0,
            ready: false,
            record: Arc::default(),
        }
    }

    pub fn take(&self) -> Record {
        mem::take(&mut self.record.lock().expect("no call panicked"))
    }
}

impl Clone for Recorder {
    /// The clone is not ready.
    fn clone(&self) -> Self {
        Self {
            waited: 0,
            ready: false,
            record: Arc::clone(&self.record),
            ..*self
        }
    }
}

impl Service<Request<VerifiedBody>> for Recorder {
    type Response = Response<String>;
    type Error = Failed;
    type Future = Ready<Result<Self::Response, Failed>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        self.record.lock().expect("no call panicked").was_polled = true;
        if self.waited < self.behaviour.waits % 4 {
            self.waited += 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.behaviour.answer == Answer::NeverReady {
            return Poll::Ready(Err(Failed(Answer::NeverReady)));
        }
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<VerifiedBody>) -> Self::Future {
        assert!(mem::take(&mut self.ready), "called before it was ready");
        let event = request.extensions().get().cloned();
        let call = Call {
            event: event.expect("a verified request carries its event"),
            body: read_now(request.into_body()),
        };
        self.record
            .lock()
            .expect("no call panicked")
            .calls
            .push(call);
        ready(match self.behaviour.answer {
            Answer::Failure => Err(Failed(Answer::Failure)),
            _ => Ok(Response::new("processed".to_owned())),
        })
    }
}

encode_struct!(Behaviour { waits, answer });

impl Encode for Answer {
    fn encode(&self, out: &mut Vec<u8>) {
        let index = match self {
            Self::Response => 0,
            Self::NeverReady => 1,
            Self::Failure => 2,
        };
        encode_variant(index, 3, out);
    }
}
