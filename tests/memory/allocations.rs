//! What a delivery allocates, counted by a heap profiler.
//!
//! One test, since the profiler counts for the whole process.

mod support;

use std::convert::Infallible;

use bytes::Bytes;
use dhat::HeapStats;
use http_body_util::Full;
use support::fixture::{BODY, layer, signed};
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
