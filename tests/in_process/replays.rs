//! How long a captured delivery can be sent again: not longer than the tolerance, however slowly.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use bytes::Bytes;
use futures_channel::mpsc::unbounded;
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use tower::{Layer as _, Service as _};
use tower_svix::{Clock, Rejection, Verifier, VerifyError};
use tower_svix_tests::fixture::{BODY, NOW, layer, secret, signed};
use tower_svix_tests::recorder::Recorder;

/// A clock that is set, or breaks, while a delivery is under way.
#[derive(Clone, Debug)]
struct Hand(Arc<Mutex<Option<u64>>>);

impl Hand {
    fn at(unix_seconds: u64) -> Self {
        Self(Arc::new(Mutex::new(Some(unix_seconds))))
    }

    fn set(&self, unix_seconds: Option<u64>) {
        *self.0.lock().expect("no panic") = unix_seconds;
    }
}

impl Clock for Hand {
    fn unix_seconds(&self) -> Option<u64> {
        *self.0.lock().expect("no panic")
    }
}

/// When the last byte arrives, if anyone knows, and what becomes of the delivery.
const ENDS: [(Option<u64>, Option<VerifyError>); 4] = [
    (Some(NOW + 300), None),
    (
        Some(NOW + 301),
        Some(VerifyError::TimestampTooOld { seconds: 301 }),
    ),
    (
        Some(NOW + 7 * 24 * 60 * 60),
        Some(VerifyError::TimestampTooOld {
            seconds: 7 * 24 * 60 * 60,
        }),
    ),
    (None, Some(VerifyError::ClockUnavailable)),
];

#[test]
fn a_body_that_waits_does_not_outlive_the_tolerance_in_the_middleware() {
    for (end, expected) in ENDS {
        let clock = Hand::at(NOW);
        let recorder = Recorder::default();
        let mut service = layer().clock(clock.clone()).layer(recorder.clone());
        let (sender, frames) = unbounded::<Result<Frame<Bytes>, Infallible>>();
        let mut request = http::Request::new(StreamBody::new(frames));
        *request.headers_mut() = signed(BODY);
        let mut response = pin!(service.call(request));
        let mut cx = Context::from_waker(Waker::noop());

        sender
            .unbounded_send(Ok(Frame::data(Bytes::from_static(BODY))))
            .expect("it is received");
        assert!(response.as_mut().poll(&mut cx).is_pending());
        clock.set(end);
        drop(sender);
        let std::task::Poll::Ready(Ok(response)) = response.as_mut().poll(&mut cx) else {
            panic!("no response at {end:?}");
        };

        let rejection = response.extensions().get::<Rejection>().copied();
        assert_eq!(rejection, expected.map(Rejection::Unverified), "{end:?}");
        assert_eq!(
            recorder.take_calls().len(),
            usize::from(expected.is_none()),
            "{end:?}"
        );
    }
}

#[test]
fn a_body_that_waits_does_not_outlive_the_tolerance_in_the_verifier() {
    for (end, expected) in ENDS {
        let clock = Hand::at(NOW);
        let verifier = Verifier::new(secret()).clock(clock.clone());
        let mut verification = verifier.start(&signed(BODY)).expect("in time");
        verification.update(BODY);
        clock.set(end);
        assert_eq!(verification.finish().err(), expected, "{end:?}");
    }
}

#[test]
fn a_request_that_nobody_polls_does_not_outlive_the_tolerance() {
    for (end, expected) in ENDS {
        let clock = Hand::at(NOW);
        let mut service = layer().clock(clock.clone()).layer(Recorder::default());
        let body = Full::new(Bytes::from_static(BODY));
        let response = service.call(tower_svix_tests::request(signed(BODY), body));

        clock.set(end);
        let response = tower_svix_tests::run(response).expect("infallible");
        let rejection = response.extensions().get::<Rejection>().copied();
        assert_eq!(rejection, expected.map(Rejection::from), "{end:?}");
    }
}
