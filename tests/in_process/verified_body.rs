//! The body that the inner service gets.

use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, Service as _, service_fn};
use tower_svix::VerifiedBody;
use tower_svix_tests::fixture::{BODY, layer, signed};
use tower_svix_tests::{request, run};

/// Returns the body that the inner service gets for a valid delivery of `body`.
fn forwarded(body: &'static [u8]) -> VerifiedBody {
    let forwarded = Arc::new(Mutex::new(None));
    let taken = Arc::clone(&forwarded);
    let inner = service_fn(move |request: Request<VerifiedBody>| {
        *taken.lock().expect("no panic") = Some(request.into_body());
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    });
    let mut service = layer().layer(inner);
    let Ok(response) = run(service.call(request(signed(body), Full::new(body))));
    assert_eq!(response.status(), StatusCode::OK);
    let body = forwarded.lock().expect("no panic").take();
    body.expect("it is called")
}

#[test]
fn a_verified_body_knows_its_length_and_its_end() {
    for bytes in [&b""[..], b"a", BODY] {
        let mut body = forwarded(bytes);
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        assert_eq!(body.is_end_stream(), bytes.is_empty());

        let frame = run(body.frame()).map(|Ok(frame)| frame.into_data().expect("data"));
        assert_eq!(frame.is_none(), bytes.is_empty());
        assert_eq!(frame.unwrap_or_default(), bytes);

        assert_eq!(body.size_hint().exact(), Some(0));
        assert!(body.is_end_stream());
        assert!(run(body.frame()).is_none());
    }
}

#[test]
fn a_verified_body_turns_into_the_bytes_that_are_left_to_read() {
    let mut body = forwarded(BODY);
    assert_eq!(body.clone().into_bytes(), BODY);
    assert!(run(body.frame()).is_some());
    assert_eq!(body.into_bytes(), "");
}

#[test]
fn a_verified_body_shows_its_length_and_none_of_its_bytes() {
    assert_eq!(format!("{:?}", forwarded(BODY)), "VerifiedBody(44 bytes)");
}
