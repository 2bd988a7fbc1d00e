//! The size of a request's future. It is moved a few times, and frameworks box it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer as _, Service as _, service_fn};
use tower_svix::VerifiedBody;
use tower_svix_tests::requests::{genuine, layer};

#[test]
fn the_future_is_small() {
    let accept = |_: Request<VerifiedBody>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    };
    let mut service = layer().layer(service_fn(accept));
    let future = service.call(genuine());
    let size = size_of_val(&future);
    assert!(size <= 984, "{size} bytes: is that meant?");
}
