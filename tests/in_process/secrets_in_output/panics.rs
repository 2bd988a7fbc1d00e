//! Panics that a caller can cause by breaking a contract of the crate.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer as _, Service as _, service_fn};
use tower_svix::SvixSignLayer;
use tower_svix::sign::SignedBody;
use tower_svix::test_util::SignedRequest;
use tower_svix::{Secret, SigningKey, VerifiedBody};

use super::canaries::{
    COOKIE, HMAC_KEY, UNVERIFIED_ID, body, hmac_text, private_text, public_text,
};
use super::deliveries::{genuine, layer};

/// Returns the message of each panic.
pub(crate) fn messages() -> Vec<(&'static str, String)> {
    let accept = |_: Request<VerifiedBody>| async { Ok::<_, Infallible>(Response::new(())) };
    let secret = || Secret::from_bytes(HMAC_KEY).unwrap();
    let public = || public_text().parse::<Secret>().unwrap();
    let request = |key: SigningKey| {
        let cookie = COOKIE.parse().unwrap();
        SignedRequest::new(key)
            .header(http::header::COOKIE, cookie)
            .body(body())
    };
    let dotted = format!("{UNVERIFIED_ID}.{UNVERIFIED_ID}");
    vec![
        (
            "a request for a test that has a bad id",
            panic_of(|| drop(request(secret().into()).id(&dotted).build())),
        ),
        (
            "a request for a test that a public key is to sign",
            panic_of(|| drop(request(public().into()).build())),
        ),
        (
            "a verified request that is polled once more",
            panic_of(|| poll_too_often(layer().layer(service_fn(accept)).call(genuine()))),
        ),
        (
            "a signed request that is polled once more",
            panic_of(|| poll_too_often(signed())),
        ),
    ]
}

fn signed() -> impl Future {
    let key = |text: String| text.parse::<SigningKey>().unwrap();
    let send = |request: Request<SignedBody>| async { Ok::<_, Infallible>(request) };
    let request = Request::new(Full::new(Bytes::from(body())));
    SvixSignLayer::new(key(hmac_text()))
        .also_sign_with(key(private_text()))
        .layer(service_fn(send))
        .call(request)
}

fn poll_too_often(future: impl Future) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    let ready = future.as_mut().poll(&mut context);
    assert!(matches!(ready, Poll::Ready(_)));
    let _ = future.poll(&mut context);
}

fn panic_of(work: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(work)).expect_err("it panics");
    let message = panic.downcast::<String>().map(|message| *message);
    message.unwrap_or_else(|panic| panic.downcast::<&str>().unwrap().to_string())
}
