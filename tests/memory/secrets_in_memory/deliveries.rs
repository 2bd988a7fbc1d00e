//! Deliveries whose futures are moved into boxes, as frameworks do, in the program that holds secrets.

use std::convert::Infallible;
use std::env;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};
use tower_svix::{
    KeySource, Keyring, Secret, SvixVerifyLayer, Verification, VerifiedBody, Verifier,
    key_source_fn,
};
use tower_svix_tests::clock::At;
use tower_svix_tests::fixture::{BODY, NOW};
use tower_svix_tests::poll_once;

use super::holder::{FORGED, SIGNATURE, pause, signed};

/// The end of a delivery.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Accepted,
    Forged,
    /// The sender stops sending, and the future is dropped.
    InTheBody,
    /// The body panics, and so does the poll.
    Panic,
}

const DEPTHS: usize = 50;

/// A future as frameworks have it, without its size and type.
type Boxed = Pin<Box<dyn Future<Output = StatusCode>>>;

/// Boxes the middleware's future.
pub(crate) fn in_a_box(secret: Secret, end: End) {
    let layer = layer(secret);
    deliver_in_boxes(&layer, end);
    drop(layer);
    pause("dropped");
}

/// Does the same below user code that takes much of the stack before the MAC is computed.
pub(crate) fn deep_in_a_box(secret: Secret, end: End) {
    let keyring = Keyring::from(secret);
    let keys = key_source_fn(move |_: &Parts| {
        let keyring = keyring.clone();
        async move {
            black_box(&mut [0_u8; 8192]);
            Ok::<_, Infallible>(Some(keyring))
        }
    });
    let layer = SvixVerifyLayer::with_key_source(keys).clock(At(NOW));
    deliver_in_boxes(&layer, end);
    drop(layer);
    pause("dropped");
}

fn deliver_in_boxes<K: KeySource + 'static>(layer: &SvixVerifyLayer<K>, end: End) {
    let headers = signed(&env::var(SIGNATURE).unwrap());
    let mut service = layer.layer(service_fn(async |_: Request<VerifiedBody>| {
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    deliver_from_all_depths(end, || {
        let future = service.call(request(&headers, end));
        // It is made first, and then moved into the box.
        let mut future = Box::pin(black_box(future));
        Box::pin(async move { future.as_mut().await.unwrap().status() })
    });
    pause("used");
}

/// Moves verifications after they have started: as values, and in a `Vec` that grows.
pub(crate) fn in_parts(secret: Secret, end: End) {
    let headers = signed(&env::var(SIGNATURE).unwrap());
    let verifier = Verifier::new(secret).clock(At(NOW));
    let (start, rest) = BODY.split_at(BODY.len() / 2);
    let mut kept = Vec::new();
    for _ in 0..DEPTHS {
        let mut verification = verifier.start(&headers).unwrap();
        verification.update(start);
        kept.push(Box::new(black_box(verification)));
    }
    let mut moved: Vec<Verification> = Vec::new();
    for verification in kept {
        moved.push(*verification);
    }
    let mut events = Vec::new();
    for mut verification in moved {
        verification.update(rest);
        if let End::Accepted = end {
            events.push(verification.finish().unwrap());
        }
    }
    pause("used");
    drop((events, verifier));
    pause("dropped");
}

/// Runs the futures of axum, one of which boxes the middleware's future.
pub(crate) fn in_axum(secret: Secret, end: End) {
    let headers = signed(&env::var(SIGNATURE).unwrap());
    let router = Router::new()
        .route("/webhook", post(async |_: Bytes| ()))
        .layer(layer(secret));
    deliver_from_all_depths(end, || {
        let future = router.clone().oneshot(request(&headers, end));
        Box::pin(async move { future.await.unwrap().status() })
    });
    pause("used");
    drop(router);
    pause("dropped");
}

/// Delivers many times, and drops what is left of the deliveries.
///
/// The next delivery may move to the heap what one leaves on the stack. Each delivery starts a little deeper on the
/// stack than the one before, so that each part of a future is once where a state was. The futures are kept until the
/// end: otherwise, new ones would take their place and hide what they leave.
fn deliver_from_all_depths(end: End, mut start: impl FnMut() -> Boxed) {
    let mut deliveries = Vec::with_capacity(DEPTHS);
    for depth in 0..DEPTHS {
        let mut delivery = at_depth(depth, &mut start);
        let verdict = loop {
            let poll = AssertUnwindSafe(|| poll_once(Pin::new(&mut delivery)));
            match catch_unwind(poll) {
                Ok((Poll::Ready(status), _)) => break Some(status),
                Ok((Poll::Pending, true)) => {}
                Ok((Poll::Pending, false)) | Err(_) => break None,
            }
        };
        let expected = match end {
            End::Accepted => Some(StatusCode::OK),
            End::Forged => Some(StatusCode::UNAUTHORIZED),
            End::InTheBody | End::Panic => None,
        };
        assert_eq!(verdict, expected);
        deliveries.push(delivery);
    }
}

/// Calls `work` deeper on the stack, below this number of empty frames.
#[inline(never)]
fn at_depth<T>(frames: usize, work: &mut impl FnMut() -> T) -> T {
    let mut frame = MaybeUninit::<[u8; 32]>::uninit();
    black_box(&mut frame);
    let result = if frames == 0 {
        work()
    } else {
        at_depth(frames - 1, work)
    };
    black_box(&mut frame);
    result
}

fn layer(secret: Secret) -> SvixVerifyLayer {
    SvixVerifyLayer::new(secret).clock(At(NOW))
}

fn request(headers: &HeaderMap, end: End) -> Request<Body> {
    let frames = match end {
        End::Accepted => BODY.chunks(BODY.len().div_ceil(2)),
        End::Forged => FORGED.chunks(1),
        End::InTheBody | End::Panic => BODY[1..].chunks(BODY.len().div_ceil(2)),
    };
    let frames = stream::iter(frames.map(Bytes::from_static).map(Ok::<_, Infallible>));
    let body = match end {
        End::Accepted | End::Forged => Body::from_stream(frames),
        End::InTheBody => Body::from_stream(frames.chain(stream::pending())),
        // Not `panic!`, which would print a message. That takes much of the stack.
        End::Panic => {
            let panic = stream::poll_fn(|_| resume_unwind(Box::new(())));
            Body::from_stream(frames.chain(panic))
        }
    };
    tower_svix_tests::request(headers.clone(), body)
}
