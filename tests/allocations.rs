//! What a delivery allocates, counted by a heap profiler.
//!
//! One test, since the profiler counts for the whole process.

mod support;

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use dhat::HeapStats;
use futures_util::{StreamExt as _, stream};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Full, StreamBody};
use support::fixture::{BODY, layer, signed};
use support::recorder::Recorder;
use tower::{Layer as _, Service as _, service_fn};
use tower_svix::{VerifiedBody, VerifiedEvent};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// How many blocks are allocated by `work`.
fn blocks_of<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let before = HeapStats::get().total_blocks;
    let result = work();
    (HeapStats::get().total_blocks - before, result)
}

#[test]
fn a_delivery_allocates_no_more_than_it_must() {
    let _profiler = dhat::Profiler::builder().testing().build();

    verification_adds_the_three_blocks_of_an_extension();
    a_clone_of_an_event_allocates_nothing();
    a_claimed_length_reserves_at_most_64_kib();
    a_stalled_upload_holds_little_more_than_it_sent();
}

fn verification_adds_the_three_blocks_of_an_extension() {
    let mut headers = signed(BODY);
    headers.insert(
        "content-type",
        http::HeaderValue::from_static("application/json"),
    );
    let body = Bytes::from_static(BODY);
    let mut bare = service_fn(|request: http::Request<Full<Bytes>>| async move {
        drop(request);
        Ok::<_, Infallible>(http::Response::new(Full::<Bytes>::default()))
    });
    let mut verifying = layer().layer(service_fn(
        |request: http::Request<VerifiedBody>| async move {
            drop(request);
            Ok::<_, Infallible>(http::Response::new(Full::<Bytes>::default()))
        },
    ));
    let request = || {
        let mut request = http::Request::new(Full::new(body.clone()));
        *request.headers_mut() = headers.clone();
        request
    };
    // The first of each sets up what is set up once.
    for is_first in [true, false] {
        let (one, other) = (request(), request());
        let (plain, _) = blocks_of(|| support::run(bare.call(one)));
        let (verified, response) = blocks_of(|| support::run(verifying.call(other)));
        assert_eq!(response.expect("infallible").status(), 200);
        if !is_first {
            assert_eq!(
                verified - plain,
                3,
                "the map, its table, and the event in it"
            );
        }
    }
}

fn a_clone_of_an_event_allocates_nothing() {
    let outcome = support::deliver(
        &layer(),
        signed(BODY),
        Full::new(Bytes::from(BODY.to_vec())),
    );
    let event: &VerifiedEvent = &outcome.calls[0].event;
    let (blocks, clone) = blocks_of(|| event.clone());
    assert_eq!(blocks, 0);
    assert_eq!(clone.payload(), event.payload());
}

/// What is held of an upload that has sent `sent` bytes in frames of `frame`, claims to have more, and stalls.
fn held_by_a_stalled_upload(sent: usize, frame: usize) -> usize {
    static ZEROS: [u8; 256 * 1024] = [0; 256 * 1024];

    // The frames are no allocations of their own.
    let frames = (0..sent / frame).map(move |_| Bytes::from_static(&ZEROS[..frame]));
    let frames = stream::iter(frames.map(Frame::data).map(Ok::<_, Infallible>));
    let body = Claiming(StreamBody::new(frames.chain(stream::pending())));
    let mut service = layer().layer(Recorder::default());
    let mut request = http::Request::new(body);
    *request.headers_mut() = signed(BODY);
    let mut response = pin!(service.call(request));

    let before = HeapStats::get().curr_bytes;
    while let (Poll::Pending, true) = support::poll_once(response.as_mut()) {}
    HeapStats::get().curr_bytes - before
}

fn a_claimed_length_reserves_at_most_64_kib() {
    let held = held_by_a_stalled_upload(2, 1);
    assert!(held <= 64 * 1024, "{held}");
}

fn a_stalled_upload_holds_little_more_than_it_sent() {
    for sent in [64 * 1024, 100 * 1024, 256 * 1024] {
        for frame in [sent, 16 * 1024, 1024, 100, 1] {
            let held = held_by_a_stalled_upload(sent, frame);
            assert!(
                held <= sent * 5 / 4 + 16 * 1024,
                "{sent} bytes in frames of {frame}: {held}"
            );
        }
    }
}

/// A body that claims to have 2 MiB.
struct Claiming<B>(B);

impl<B: Body + Unpin> Body for Claiming<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(2 * 1024 * 1024)
    }
}
