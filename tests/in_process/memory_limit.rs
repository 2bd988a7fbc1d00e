//! The memory that all unverified bodies of a layer share.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::task::Poll;
use std::thread;

use bytes::Bytes;
use futures_util::{FutureExt as _, poll};
use http::header::{CONTENT_LENGTH, RETRY_AFTER};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};
use tower_svix::{Rejection, SvixVerifyLayer, VerifiedBody};
use tower_svix_tests::body::{Script, Step, Untouchable};
use tower_svix_tests::clock::At;
use tower_svix_tests::keys::{
    Answer, BODY, NOW, answer, body_from_test, delivery, echo, request_with_body, secret, sender,
    signature,
};

const LIMIT: usize = 1000;

fn layer() -> SvixVerifyLayer {
    SvixVerifyLayer::new(secret(&sender(1)))
        .clock(At(NOW))
        .memory_limit(LIMIT)
}

fn signed<B>(body: B) -> Request<B> {
    request_with_body("/", &signature(&sender(1)), body)
}

/// Returns a request that claims this number of bytes.
fn claiming<B>(bytes: usize, body: B) -> Request<B> {
    let mut request = signed(body);
    request.headers_mut().insert(CONTENT_LENGTH, bytes.into());
    request
}

/// Asserts that exactly this number of bytes is left.
async fn assert_left(layer: &SvixVerifyLayer, bytes: usize) {
    let answer_to = async |bytes| answer(layer, claiming(bytes, Full::<Bytes>::default())).await;
    answer_to(bytes).await.assert_mismatch();
    let more = answer_to(bytes + 1).await;
    let expected = match bytes {
        // There will never be room for more, however long the sender waits.
        LIMIT => Rejection::BodyTooLarge,
        _ => Rejection::MemoryExhausted,
    };
    assert_eq!(more.rejection, Some(expected), "{bytes}");
}

#[tokio::test]
async fn what_a_request_claims_is_taken_before_its_body_is_read() {
    let layer = layer();
    assert_left(&layer, LIMIT).await;
    let mut service = layer.layer(service_fn(echo));
    {
        let (_frames, body) = body_from_test();
        let mut stalled = pin!(service.call(claiming(600, body)));
        assert!(poll!(&mut stalled).is_pending());

        let answer = answer(&layer, claiming(401, Untouchable)).await;
        assert_eq!(answer.rejection, Some(Rejection::MemoryExhausted));
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers.contains_key(RETRY_AFTER));
        assert_left(&layer, 400).await;
    }
    assert_left(&layer, LIMIT).await;
}

#[tokio::test]
async fn the_length_that_a_body_knows_is_a_claim_too() {
    let layer = layer();
    let mut service = layer.layer(service_fn(echo));
    let (_frames, body) = body_from_test();
    let mut stalled = pin!(service.call(claiming(600, body)));
    assert!(poll!(&mut stalled).is_pending());
    let body = Script::new([]).size_hint_lower(401);
    let answer = answer(&layer, signed(body)).await;
    assert_eq!(answer.rejection, Some(Rejection::MemoryExhausted));
}

#[tokio::test]
async fn what_would_never_have_room_is_too_large() {
    let layer = layer();
    for body in [
        Script::new([]).size_hint_lower(1001),
        Script::new([Step::data(Bytes::from_static(&[b'a'; 1001]))]),
    ] {
        let answer = answer(&layer, signed(body)).await;
        assert_eq!(answer.rejection, Some(Rejection::BodyTooLarge));
    }
    assert_left(&layer, LIMIT).await;
}

#[tokio::test]
async fn a_body_of_unknown_length_takes_what_arrives() {
    let layer = layer();
    let mut service = layer.layer(service_fn(echo));
    let mut other = layer.layer(service_fn(echo));
    for claimed in [0, 3] {
        let (frames, body) = body_from_test();
        let request = match claimed {
            0 => signed(body),
            bytes => claiming(bytes, body),
        };
        let mut arriving = pin!(service.call(request));
        for (more, arrived) in [(600, 600), (300, 900), (100, 1000)] {
            frames.send(&[b'a'; LIMIT][..more]).unwrap();
            assert!(poll!(&mut arriving).is_pending(), "{arrived}");
            assert_left(&layer, LIMIT - arrived).await;
        }
        let (others, body) = body_from_test();
        let mut late = pin!(other.call(signed(body)));
        others.send(b"a").unwrap();
        let Poll::Ready(Ok(response)) = poll!(&mut late) else {
            panic!("a byte over the limit is waited for");
        };
        let answer = Answer::read(response).await;
        assert_eq!(answer.rejection, Some(Rejection::MemoryExhausted));
        assert!(poll!(&mut arriving).is_pending());
    }
}

#[tokio::test]
async fn the_limit_of_a_body_counts_beside_that_of_all() {
    let layer = layer();
    for (limit, rejection) in [
        (BODY.len(), None),
        (BODY.len() - 1, Some(Rejection::BodyTooLarge)),
    ] {
        let layer = layer.clone().body_limit(limit);
        for claimed in [false, true] {
            let body = Script::new([Step::data(Bytes::from_static(BODY))]);
            let request = if claimed {
                claiming(BODY.len(), body)
            } else {
                signed(body)
            };
            let answer = answer(&layer, request).await;
            assert_eq!(answer.rejection, rejection, "{limit}, claimed: {claimed}");
        }
    }
    assert_left(&layer, LIMIT).await;
}

#[tokio::test]
async fn a_verified_event_takes_nothing_however_long_the_inner_service_takes() {
    let layer = layer();
    let never = |_: Request<VerifiedBody>| pending::<Result<Response<Full<Bytes>>, Infallible>>();
    let mut service = layer.layer(service_fn(never));
    let length = BODY.len();
    let mut serving = pin!(service.call(claiming(length, Full::<Bytes>::from(BODY))));
    assert!(poll!(&mut serving).is_pending());
    assert_left(&layer, LIMIT).await;

    // Nor does a request for which the inner service has no room.
    let limited = tower::limit::ConcurrencyLimit::new(service_fn(never), 0);
    let mut service = layer.layer(limited);
    let mut readying = pin!(service.call(claiming(length, Full::<Bytes>::from(BODY))));
    assert!(poll!(&mut readying).is_pending());
    assert_left(&layer, LIMIT).await;
}

#[tokio::test]
async fn a_rejected_request_takes_nothing_even_while_its_future_lives() {
    let layer = layer().body_limit(500);
    let step = |bytes: &'static [u8]| Step::data(Bytes::from_static(bytes));
    for (name, steps, rejection) in [
        ("forged", vec![step(b"forged")], None),
        (
            "broken off",
            vec![step(BODY), Step::Error],
            Some(Rejection::BodyUnreadable),
        ),
        (
            "too long",
            vec![step(&[b'a'; 501])],
            Some(Rejection::BodyTooLarge),
        ),
    ] {
        let mut service = layer.layer(service_fn(echo));
        let mut future = pin!(service.call(claiming(500, Script::new(steps))));
        let Ok(response) = future.as_mut().await;
        if let Some(rejection) = rejection {
            let told = response.extensions().get();
            assert_eq!(told, Some(&rejection), "{name}");
        }
        let mut other = layer.layer(service_fn(echo));
        let mut others = [500, 500].map(|bytes| {
            let (frames, body) = body_from_test();
            (frames, Box::pin(other.call(claiming(bytes, body))))
        });
        for (_, other) in &mut others {
            assert!(poll!(other).is_pending(), "{name}: nothing is taken");
        }
        let answer = answer(&layer, claiming(1, Full::<Bytes>::default())).await;
        assert_eq!(answer.rejection, Some(Rejection::MemoryExhausted));
    }
}

#[tokio::test]
async fn all_services_of_a_layer_and_its_clones_share_the_limit() {
    let layer = layer();
    let mut services = [
        layer.layer(service_fn(echo)),
        layer.clone().layer(service_fn(echo)),
        layer.layer(service_fn(echo)).clone(),
    ];
    let mut stalled: Vec<_> = services
        .iter_mut()
        .map(|service| {
            let (frames, body) = body_from_test();
            (frames, Box::pin(service.call(claiming(300, body))))
        })
        .collect();
    for (_, stalled) in &mut stalled {
        assert!(poll!(stalled).is_pending());
    }
    assert_left(&layer, 100).await;
    // Another layer has its own memory.
    assert_left(&self::layer(), LIMIT).await;
}

#[tokio::test]
async fn a_layer_without_a_limit_has_none() {
    let layer = SvixVerifyLayer::new(secret(&sender(1))).clock(At(NOW));
    let mut service = layer.layer(service_fn(echo));
    let mut stalled: Vec<_> = (0..100)
        .map(|_| {
            let (frames, body) = body_from_test();
            let request = claiming(2 * 1024 * 1024, body);
            (frames, Box::pin(service.call(request)))
        })
        .collect();
    for (_, stalled) in &mut stalled {
        assert!(poll!(stalled).is_pending());
    }
    answer(&layer, delivery("/", &sender(1))).await.accepted();
}

#[tokio::test]
async fn a_request_that_waits_for_its_keys_takes_nothing() {
    let keys = tower_svix::key_source_fn(|_: &http::request::Parts| {
        pending::<Result<Option<tower_svix::Keyring>, Infallible>>()
    });
    let layer = SvixVerifyLayer::with_key_source(keys)
        .clock(At(NOW))
        .memory_limit(LIMIT);
    let mut service = layer.layer(service_fn(echo));
    let mut waiting: Vec<_> = (0..3)
        .map(|_| Box::pin(service.call(claiming(LIMIT, Untouchable))))
        .collect();
    for waiting in &mut waiting {
        assert!(poll!(waiting).is_pending());
    }
}

#[test]
fn whatever_threads_take_at_once_is_given_back() {
    let layer = layer();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let service = layer.layer(service_fn(echo));
                    let request = claiming(BODY.len(), Full::<Bytes>::from(BODY));
                    let response = service.oneshot(request).now_or_never();
                    assert_eq!(response.unwrap().unwrap().status(), StatusCode::OK);
                }
            });
        }
    });
    assert_left(&layer, LIMIT).now_or_never().unwrap();
}

#[test]
fn headers_that_are_rejected_take_nothing() {
    let layer = layer();
    let mut request = Request::new(Untouchable);
    *request.headers_mut() = HeaderMap::new();
    request
        .headers_mut()
        .insert(CONTENT_LENGTH, (LIMIT + 1).into());
    assert!(!request.body().is_end_stream());
    let answer = answer(&layer, request).now_or_never().unwrap();
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}
