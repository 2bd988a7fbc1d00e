//! Helpers of the tests.
//!
//! To send a request through the middleware without a runtime, use [`deliver`] or [`run`]. [`body`] has bodies that
//! follow a script, [`recorder`] an inner service that keeps what it gets, [`sender`] a sender that does not use this
//! crate, [`clock`] clocks that stand still, [`fixture`] one valid delivery, [`case`] and [`sender_cases`] the cases of
//! `tests/vectors`, and [`verdict`] the checks of their results.
//!
//! Tests of the middleware start from [`requests`], and tests of keys from [`keys`]. [`stores`] has stores of ids that
//! fail, [`store_model`] the simplest store, and [`subscriber`] sets up `tracing`. For sockets, there are [`net`],
//! [`http1`], [`http2`] and [`hyper_server`]. [`process`], `redis_server`, `redis_cluster` and `postgres_server`
//! start programs, and `faketime` changes their clock.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod body;
pub mod case;
pub mod clock;
pub mod faketime;
pub mod fixture;
pub mod http1;
pub mod http2;
pub mod hyper_server;
pub mod keys;
#[cfg(feature = "ed25519")]
pub mod keys_ed25519;
pub mod net;
#[cfg(doctest)]
mod pages;
#[cfg(all(feature = "servers", target_os = "linux"))]
pub mod postgres_server;
pub mod process;
pub mod receivers;
pub mod recorder;
#[cfg(feature = "servers")]
pub mod redis_cluster;
#[cfg(feature = "servers")]
pub mod redis_server;
pub mod requests;
pub mod sender;
pub mod sender_cases;
pub mod store_model;
pub mod stores;
pub mod strict_sender;
pub mod subscriber;
pub mod verdict;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body::Body;
use tower::{Layer, Service};
use tower_svix::{Rejection, SvixVerifyLayer};

use self::recorder::{Call, Recorder};

/// The result of a request.
#[derive(Debug)]
pub struct Outcome {
    pub status: StatusCode,
    /// The rejection in the extensions of the response.
    pub rejection: Option<Rejection>,
    /// The requests that reached the inner service.
    pub calls: Vec<Call>,
}

/// Sends one request through the middleware to a [`Recorder`].
pub fn deliver<B: Body>(layer: &SvixVerifyLayer, headers: HeaderMap, body: B) -> Outcome {
    let recorder = Recorder::default();
    let mut service = layer.layer(recorder.clone());
    let response = run(service.call(request(headers, body))).expect("a rejection is a response");
    Outcome {
        status: response.status(),
        rejection: response.extensions().get().copied(),
        calls: recorder.take_calls(),
    }
}

pub fn request<B>(headers: HeaderMap, body: B) -> Request<B> {
    let mut request = Request::post("/webhook")
        .body(body)
        .expect("the parts are valid");
    *request.headers_mut() = headers;
    request
}

/// Runs a future to its end.
///
/// The future is polled again only if it was woken. So one that would never finish fails the test instead of hanging.
/// What it waits for must wake it during the poll, as everything in this crate does.
pub fn run<F: Future>(future: F) -> F::Output {
    run_counting_polls(future).0
}

/// Like [`run`], and also returns the number of polls.
pub fn run_counting_polls<F: Future>(future: F) -> (F::Output, usize) {
    let mut future = pin!(future);
    let mut polls = 0;
    loop {
        polls += 1;
        match poll_once(future.as_mut()) {
            (Poll::Ready(output), _) => return (output, polls),
            (Poll::Pending, woken) => assert!(woken, "asleep after poll {polls}, and not woken"),
        }
    }
}

/// Polls once. Also returns whether the future was woken during the poll.
pub fn poll_once<F: Future>(future: Pin<&mut F>) -> (Poll<F::Output>, bool) {
    struct Flag(AtomicBool);

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let flag = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&flag));
    let poll = future.poll(&mut Context::from_waker(&waker));
    (poll, flag.0.load(Ordering::Relaxed))
}

/// Flips bit number `bit` of a header value, or the next bit that leaves the value legal.
pub fn flip_header_bit(value: &HeaderValue, bit: usize) -> HeaderValue {
    let bits = value.len() * 8;
    (0..bits)
        .map(|step| flip_bit(value.as_bytes(), (bit + step) % bits))
        .find_map(|bytes| HeaderValue::from_bytes(&bytes).ok())
        .expect("the highest bit of a legal character can be set")
}

/// Flips bit number `bit`, modulo the length.
pub fn flip_bit(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let index = bit / 8 % bytes.len();
    bytes[index] ^= 1 << (bit % 8);
    bytes
}
