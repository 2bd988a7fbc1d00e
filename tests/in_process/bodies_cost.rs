//! The cost of a body: time in one poll, memory, copies.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::{Body, Frame};
use http_body_util::Full;
use tower::{Layer as _, Service as _};
use tower_svix::{Rejection, SvixVerifyLayer};
use tower_svix_tests::body::{Script, Step};
use tower_svix_tests::clock::At;
use tower_svix_tests::fixture::{
    BODY, NOW, assert_accepted, assert_rejected, layer, secret, secret_of, signed,
};
use tower_svix_tests::recorder::Recorder;
use tower_svix_tests::sender::Sender;
use tower_svix_tests::{deliver, poll_once, request, run, run_counting_polls};

#[test]
fn an_endless_stream_of_empty_frames_does_not_hold_the_thread() {
    let pulled = Pulled::default();
    let mut service = layer().layer(Recorder::default());
    let body = Endless::new(Bytes::new(), &pulled);
    let mut future = pin!(service.call(request(signed(BODY), body)));

    for _ in 0..10 {
        let before = pulled.frames();
        let (poll, woken) = poll_once(future.as_mut());
        assert!(poll.is_pending());
        assert!(woken, "it yields, and wants to go on");
        let frames = pulled.frames() - before;
        assert!((1..=10_000).contains(&frames), "{frames} frames in a poll");
    }
}

#[test]
fn endless_data_is_read_up_to_the_limit_and_one_frame_more() {
    const LIMIT: usize = 100_000;
    for frame in [1, 7, 1000, 16 * 1024, LIMIT, LIMIT + 1, 3 * LIMIT] {
        let pulled = Pulled::default();
        let body = Endless::new(vec![b'a'; frame].into(), &pulled);
        let outcome = deliver(&layer().body_limit(LIMIT), signed(BODY), body);

        assert_rejected(&outcome, Rejection::BodyTooLarge);
        let bytes = pulled.bytes();
        assert!(bytes > LIMIT, "frames of {frame}: {bytes} bytes pulled");
        assert!(
            bytes <= LIMIT + frame,
            "frames of {frame}: {bytes} bytes pulled"
        );
    }
}

#[test]
fn a_single_frame_is_forwarded_without_a_copy() {
    let body = Bytes::from(vec![b'a'; 5000]);
    let empty = Bytes::new();
    for frames in [
        vec![body.clone()],
        vec![empty.clone(), body.clone(), empty.clone()],
    ] {
        let outcome = deliver(
            &layer(),
            signed(&body),
            Script::new(frames.into_iter().map(Step::data)),
        );
        assert_accepted(&outcome, &body);
        assert_eq!(outcome.calls[0].body.as_ptr(), body.as_ptr());
        assert_eq!(outcome.calls[0].event.payload().as_ptr(), body.as_ptr());
    }
}

#[test]
fn several_frames_are_joined_once_for_the_event_and_the_inner_body() {
    let (first, second) = BODY.split_at(20);
    let frames = [first, second].map(|frame| Step::data(Bytes::from_static(frame)));
    let outcome = deliver(&layer(), signed(BODY), Script::new(frames));
    assert_accepted(&outcome, BODY);
    let call = &outcome.calls[0];
    assert_eq!(call.body.as_ptr(), call.event.payload().as_ptr());
}

#[test]
fn dropping_the_future_drops_the_body() {
    let pulled = Pulled::default();
    let recorder = Recorder::default();
    let mut service = layer().layer(recorder.clone());
    let body = Endless::new(Bytes::new(), &pulled);
    let mut future = Box::pin(service.call(request(signed(BODY), body)));
    assert!(poll_once(future.as_mut()).0.is_pending());
    assert_eq!(pulled.bodies(), 1);

    drop(future);
    assert_eq!(pulled.bodies(), 0);
    assert!(recorder.take_calls().is_empty());
}

#[test]
fn a_rejection_drops_the_body_even_while_the_future_lives() {
    let pulled = Pulled::default();
    for headers in [HeaderMap::new(), signed(BODY)] {
        let mut service = layer().layer(Recorder::default());
        let body = Endless::new(Bytes::from_static(b"data"), &pulled);
        let mut future = pin!(service.call(request(headers, body)));
        let Ok(response) = run(future.as_mut());
        assert!(response.status().is_client_error());
        assert_eq!(pulled.bodies(), 0);
    }
}

#[test]
fn a_large_frame_is_hashed_over_several_polls() {
    let body = Bytes::from(vec![b'a'; 8 * 1024 * 1024]);
    let other = secret_of(&Sender::with_key(*b"another key than the sender's"));
    let own = secret();

    let mut polls_with = Vec::new();
    for keys in [vec![own.clone()], vec![other, own]] {
        let layer = SvixVerifyLayer::new(keys)
            .clock(At(NOW))
            .body_limit(body.len());
        let recorder = Recorder::default();
        let mut service = layer.layer(recorder.clone());
        // If it ever waited without a wake, this would fail.
        let request = request(signed(&body), Full::new(body.clone()));
        let (Ok(response), polls) = run_counting_polls(service.call(request));
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(recorder.take_calls()[0].body.as_ptr(), body.as_ptr());
        assert!(polls >= 64, "{polls} polls: over 128 KiB in one of them");
        polls_with.push(polls);
    }
    assert!(
        polls_with[1] > polls_with[0],
        "the second key is tried within the same bounds: {polls_with:?}"
    );
}

#[test]
fn a_small_body_that_is_all_there_is_verified_in_one_poll() {
    let body = vec![b'a'; 100 * 1024];
    let mut service = layer().layer(Recorder::default());
    let request = request(signed(&body), Full::new(&*body));
    let (Ok(response), polls) = run_counting_polls(service.call(request));
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(polls, 1);
}

/// Returns how many polls it takes to reject a short body with this number of keys.
fn polls_for_keys(count: u16) -> usize {
    let key = |number: u16| [b"a key of sixteen", &number.to_be_bytes()[..]].concat();
    let others = (1..=count).map(|number| secret_of(&Sender::with_key(key(number))));
    let layer = SvixVerifyLayer::new(others.collect::<Vec<_>>()).clock(At(NOW));
    let mut service = layer.layer(Recorder::default());
    let request = request(signed(BODY), Full::new(BODY));
    let (Ok(response), polls) = run_counting_polls(service.call(request));
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    polls
}

#[test]
fn many_keys_are_tried_over_several_polls_however_short_the_body() {
    let polls = polls_for_keys(1280);
    assert!(polls >= 10, "{polls} polls: over 128 keys in one of them");
}

/// A MAC of a short body takes less than a microsecond.
#[test]
fn a_hundred_hmac_keys_are_tried_in_one_poll() {
    assert_eq!(polls_for_keys(100), 1);
}

/// A body that repeats one frame without end, and is always ready.
struct Endless {
    frame: Bytes,
    pulled: Pulled,
}

/// What was read from [`Endless`] bodies. Each of them has a clone.
#[derive(Clone, Default)]
struct Pulled {
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    frames: AtomicUsize,
    bytes: AtomicUsize,
}

impl Endless {
    fn new(frame: Bytes, pulled: &Pulled) -> Self {
        Self {
            frame,
            pulled: pulled.clone(),
        }
    }
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Counts { frames, bytes } = &*self.pulled.counts;
        let before = frames.fetch_add(1, Ordering::Relaxed);
        assert!(before < 1_000_000, "it is read for ever");
        bytes.fetch_add(self.frame.len(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(self.frame.clone()))))
    }
}

impl Pulled {
    fn frames(&self) -> usize {
        self.counts.frames.load(Ordering::Relaxed)
    }

    fn bytes(&self) -> usize {
        self.counts.bytes.load(Ordering::Relaxed)
    }

    /// Returns how many bodies still exist.
    fn bodies(&self) -> usize {
        Arc::strong_count(&self.counts) - 1
    }
}
