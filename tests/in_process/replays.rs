//! How long a captured delivery can be sent again: at most for the tolerance, however slowly it is sent.

use std::convert::Infallible;
use std::iter;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_channel::mpsc::unbounded;
use futures_channel::oneshot;
use futures_util::{FutureExt as _, StreamExt as _};
use http::request::Parts;
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use tower::{Layer as _, Service as _};
use tower_svix::{
    Clock, Keyring, Rejection, SvixVerifyLayer, Verifier, VerifyError, key_source_fn,
};
use tower_svix_tests::body::{Script, Step};
use tower_svix_tests::deliver;
use tower_svix_tests::fixture::{BODY, NOW, layer, secret, signed};
use tower_svix_tests::recorder::Recorder;

/// A clock that the test sets or stops while a delivery arrives.
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

/// The time at which the last byte arrives, if the clock knows it, and the result of the delivery.
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
        let Poll::Ready(Ok(response)) = response.as_mut().poll(&mut cx) else {
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

/// If the time were checked at the verdict only, a forged upload could continue for days.
#[test]
fn a_body_that_trickles_in_is_rejected_once_the_tolerance_has_passed() {
    for (time, expected) in ENDS {
        let clock = Hand::at(NOW);
        let body_dropped = Arc::new(());
        let mut service = layer().clock(clock.clone()).layer(Recorder::default());
        let (sender, frames) = unbounded::<Result<Frame<Bytes>, Infallible>>();
        let held = Arc::clone(&body_dropped);
        let frames = frames.inspect(move |_| assert!(Arc::strong_count(&held) > 1));
        let mut request = http::Request::new(StreamBody::new(frames));
        *request.headers_mut() = signed(BODY);
        let mut response = pin!(service.call(request));
        let mut cx = Context::from_waker(Waker::noop());
        let send = || {
            let frame = Frame::data(Bytes::from_static(b"a"));
            sender.unbounded_send(Ok(frame)).expect("it is received");
        };

        for _ in 0..3 {
            send();
            assert!(response.as_mut().poll(&mut cx).is_pending());
        }
        clock.set(time);
        send();
        let answer = response.as_mut().poll(&mut cx);
        let Some(expected) = expected else {
            assert!(answer.is_pending(), "{time:?}");
            continue;
        };
        let Poll::Ready(Ok(response)) = answer else {
            panic!("it goes on at {time:?}");
        };
        let rejection = response.extensions().get::<Rejection>().copied();
        assert_eq!(rejection, Some(Rejection::Unverified(expected)), "{time:?}");
        assert_eq!(Arc::strong_count(&body_dropped), 1, "the body is dropped");
    }
}

#[test]
fn a_request_that_waits_for_its_keys_is_rejected_once_the_tolerance_has_passed() {
    for (time, expected) in ENDS {
        let clock = Hand::at(NOW);
        let (found, lookup) = oneshot::channel::<Keyring>();
        let lookup = lookup.shared();
        let keys = key_source_fn(move |_: &Parts| {
            let lookup = lookup.clone();
            async move { Ok::<_, Infallible>(lookup.await.ok()) }
        });
        let layer = SvixVerifyLayer::with_key_source(keys).clock(clock.clone());
        let mut service = layer.layer(Recorder::default());
        let mut cx = Context::from_waker(Waker::noop());
        let body = Full::new(Bytes::from_static(BODY));
        let request = tower_svix_tests::request(signed(BODY), body);
        let mut response = pin!(service.call(request));
        assert!(response.as_mut().poll(&mut cx).is_pending());

        clock.set(time);
        found.send(secret().into()).expect("it waits");
        let Poll::Ready(Ok(response)) = response.as_mut().poll(&mut cx) else {
            panic!("no response at {time:?}");
        };
        let rejection = response.extensions().get::<Rejection>().copied();
        assert_eq!(rejection, expected.map(Rejection::Unverified), "{time:?}");
    }
}

#[test]
fn the_clock_is_read_once_for_each_wait_and_once_for_a_delivery_that_is_all_there() {
    #[derive(Clone, Debug, Default)]
    struct Counting(Arc<AtomicUsize>);

    impl Clock for Counting {
        fn unix_seconds(&self) -> Option<u64> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Some(NOW)
        }
    }

    for waits in 0..4 {
        let clock = Counting::default();
        let steps = iter::repeat_with(|| Step::Pending).take(waits);
        let body = Script::new(steps.chain([Step::data(Bytes::from_static(BODY))]));
        let outcome = deliver(&layer().clock(clock.clone()), signed(BODY), body);
        assert_eq!(outcome.rejection, None);
        assert_eq!(clock.0.load(Ordering::Relaxed), waits + 1);
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
