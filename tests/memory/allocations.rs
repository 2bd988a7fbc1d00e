//! The allocations of a delivery.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use tower::{Layer as _, Service as _, service_fn};
use tower_svix::{VerifiedBody, VerifiedEvent};
use tower_svix_tests::deliver;
use tower_svix_tests::fixture::{BODY, NOW, layer, sender, signed};

use crate::{blocks_of, count, held};

pub(crate) fn verification_adds_the_three_blocks_of_an_extension() {
    let _counting = count();
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
    // The first of each also allocates what is set up once.
    for is_first in [true, false] {
        let (one, other) = (request(), request());
        let (plain, _) = blocks_of(|| tower_svix_tests::run(bare.call(one)));
        let (verified, response) = blocks_of(|| tower_svix_tests::run(verifying.call(other)));
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

/// A server reads many requests into one buffer. The payload is a part of it.
pub(crate) fn a_compact_event_keeps_only_its_own_payload() {
    const BUFFER: usize = 512 * 1024;

    let _counting = count();
    // A long id is kept, too, but none of the headers around it.
    for id_len in [30, 300] {
        let idle = held();
        let headers = sender().headers(&"i".repeat(id_len), NOW, BODY);
        let mut buffer = vec![b' '; BUFFER];
        buffer[1000..1000 + BODY.len()].copy_from_slice(BODY);
        let body = Bytes::from(buffer).slice(1000..1000 + BODY.len());
        let mut outcome = deliver(&layer(), headers, Full::new(body));
        let event = outcome.calls.remove(0).event;
        drop(outcome);
        let pinned = held() - idle;
        assert!(
            pinned > BUFFER,
            "{pinned}: the payload is not copied unasked"
        );

        let (blocks, event) = blocks_of(|| event.compact());
        assert_eq!(blocks, 1, "the payload");
        let kept = held() - idle;
        assert!(kept < 1024, "{kept} bytes are kept of {}", BODY.len());
        assert_eq!(event.payload(), BODY);
        assert_eq!(event.id().len(), id_len);
        drop(event);
    }
}

pub(crate) fn a_clone_of_an_event_allocates_nothing() {
    let _counting = count();
    let outcome = deliver(
        &layer(),
        signed(BODY),
        Full::new(Bytes::from(BODY.to_vec())),
    );
    let event: &VerifiedEvent = &outcome.calls[0].event;
    let (blocks, clone) = blocks_of(|| event.clone());
    assert_eq!(blocks, 0);
    assert_eq!(clone.payload(), event.payload());
}
