//! Deliveries in files, and the wrong deliveries that tests of handlers need.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Request};
use tower_svix::sign::SignedBody;
use tower_svix::test_util::{Fixture, FixtureError, ManualClock, SignedRequest};
use tower_svix::{HeaderFamily, Rejection, SvixVerifyLayer, VerifyError};
use tower_svix_tests::keys::{self, Answer, BODY, ID, NOW, secret, sender, signature};

fn layer() -> SvixVerifyLayer {
    SvixVerifyLayer::new(secret(&sender(1)))
}

fn answer(layer: &SvixVerifyLayer, request: Request<SignedBody>) -> Answer {
    let answer = keys::answer(layer, request).now_or_never();
    answer.expect("nothing in it waits")
}

/// Returns a file with this head and this body. Its lines end with a newline alone.
fn file(extra: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /webhook?a=b HTTP/1.1\nHost: example.org\nwebhook-id: {ID}\nwebhook-timestamp: {NOW}\n\
         webhook-signature: {}\n{extra}\n",
        sender(1).sign(ID.as_bytes(), NOW.to_string().as_bytes(), body)
    );
    [head.as_bytes(), body].concat()
}

#[test]
fn a_saved_delivery_is_genuine_at_its_own_time() {
    let every_byte: Vec<u8> = (0..=255).collect();
    let body_length = format!("Content-Length: {}\n", BODY.len());
    let with_newline = [BODY, b"\n"].concat();
    let cases: [(&str, Vec<u8>, &[u8]); 6] = [
        ("as it is", file("", BODY), BODY),
        (
            "with lines of HTTP",
            {
                let text = String::from_utf8(file("", BODY)).unwrap();
                text.replace('\n', "\r\n").into_bytes()
            },
            BODY,
        ),
        ("no body", file("", b""), b""),
        ("bytes that are no text", file("", &every_byte), &every_byte),
        (
            "a newline that belongs to it",
            file("", &with_newline),
            &with_newline,
        ),
        (
            "a newline of an editor",
            [file(&body_length, BODY), b"\n".to_vec()].concat(),
            BODY,
        ),
    ];
    for (name, file, body) in cases {
        let fixture = Fixture::parse(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(fixture.unix_seconds(), NOW, "{name}");
        let layer = layer().clock(fixture.clock());
        let request = fixture.request();
        assert_eq!(request.uri(), "/webhook?a=b", "{name}");
        assert_eq!(request.headers()["host"], "example.org", "{name}");
        let event = answer(&layer, request).accepted();
        assert_eq!(event.payload(), body, "{name}");
        assert_eq!(event.id(), ID, "{name}");

        let again = Fixture::parse(fixture.to_bytes()).unwrap();
        let event = answer(&layer, again.request()).accepted();
        assert_eq!(event.payload(), body, "{name}, written and read");
    }
}

#[test]
fn what_is_written_has_the_headers_that_came_and_one_length() {
    let mut request = Request::post("https://example.org/webhook?a=b");
    for (name, value) in [
        ("svix-id", ID),
        ("svix-timestamp", "1700000000"),
        ("svix-signature", "v1,x"),
        ("content-length", "7"),
        ("content-length", "8"),
        ("transfer-encoding", "chunked"),
        ("x-twice", "1"),
        ("x-twice", "2"),
    ] {
        request = request.header(name, value);
    }
    let request = request.body(Bytes::from_static(b"{}\r\n")).unwrap();
    let text = String::from_utf8(Fixture::from_request(request).unwrap().to_bytes()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "{}\r\n");
    let mut lines: Vec<_> = head.split("\r\n").collect();
    assert_eq!(lines.remove(0), "POST /webhook?a=b HTTP/1.1");
    lines.sort_unstable();
    let expected = [
        "content-length: 4",
        &format!("svix-id: {ID}"),
        "svix-signature: v1,x",
        "svix-timestamp: 1700000000",
        "x-twice: 1",
        "x-twice: 2",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_file_that_holds_no_delivery_is_an_error() {
    for (error, expected) in [
        (FixtureError::NotHttp, "is not an HTTP/1.1 request"),
        (
            FixtureError::WrongLength {
                expected: 3,
                found: 4,
            },
            "the body has 4 bytes, and its `content-length` is 3",
        ),
        (FixtureError::NoDelivery, "it has no id, or no timestamp"),
    ] {
        let shown = error.to_string();
        assert!(shown.contains(expected), "{shown}");
    }
    let wrong_length = |found| FixtureError::WrongLength { expected: 3, found };
    let cases: [(&str, Vec<u8>, FixtureError); 9] = [
        ("nothing", Vec::new(), FixtureError::NotHttp),
        ("no HTTP", b"{}".to_vec(), FixtureError::NotHttp),
        (
            "half a head",
            b"POST / HTTP/1.1\nwebhook-id: 1\n".to_vec(),
            FixtureError::NotHttp,
        ),
        (
            "a response",
            b"HTTP/1.1 200 OK\n\n".to_vec(),
            FixtureError::NotHttp,
        ),
        (
            "a length that is none",
            file("content-length: x\n", b"{}"),
            FixtureError::NotHttp,
        ),
        (
            "too short",
            file("content-length: 3\n", b"{}"),
            wrong_length(2),
        ),
        (
            "too long",
            file("content-length: 3\n", b"{\n\n\n}"),
            wrong_length(5),
        ),
        (
            "no id",
            b"POST / HTTP/1.1\nwebhook-timestamp: 1\n\n".to_vec(),
            FixtureError::NoDelivery,
        ),
        (
            "no time",
            b"POST / HTTP/1.1\nwebhook-id: 1\nwebhook-timestamp: x\n\n".to_vec(),
            FixtureError::NoDelivery,
        ),
    ];
    for (name, file, expected) in cases {
        assert_eq!(Fixture::parse(&file).map(|_| ()), Err(expected), "{name}");
    }
    let many = "x: 1\n".repeat(10_000);
    assert_eq!(
        Fixture::parse(file(&many, b"")).unwrap_err(),
        FixtureError::NotHttp
    );
}

#[test]
fn a_saved_delivery_can_be_signed_with_the_key_of_a_test() {
    let fixture = Fixture::parse(file("", BODY)).unwrap();
    let layer = SvixVerifyLayer::new(secret(&sender(2))).clock(fixture.clock());
    answer(&layer, fixture.request()).assert_mismatch();

    let request = fixture.sign_again(secret(&sender(2))).build();
    assert_eq!(
        request.headers()["webhook-signature"],
        signature(&sender(2))
    );
    assert_eq!(request.headers()["host"], "example.org");
    let event = answer(&layer, request).accepted();
    assert_eq!((event.id(), event.unix_seconds()), (ID, NOW));
}

#[test]
fn a_saved_delivery_may_have_header_names_of_its_own() {
    let text = String::from_utf8(file("", BODY)).unwrap();
    let file = text.replace("\nwebhook-", "\nx-hook-");
    assert_eq!(Fixture::parse(&file).unwrap_err(), FixtureError::NoDelivery);

    let family = HeaderFamily::prefixed("x-hook-").unwrap();
    let fixture = Fixture::parse_family(&file, family).unwrap();
    let layer = layer().header_family(family).clock(fixture.clock());
    answer(&layer, fixture.request()).accepted();
    let again = fixture.sign_again(secret(&sender(1))).build();
    assert_eq!(again.headers()["x-hook-signature"], signature(&sender(1)));
}

#[test]
fn the_wrong_deliveries_are_wrong_in_one_way() {
    let layer = layer().clock(ManualClock::new(NOW));
    let request = SignedRequest::new(secret(&sender(1)))
        .unix_seconds(NOW)
        .body(BODY);
    answer(&layer, request.build()).accepted();

    let forged = request.build_forged();
    assert_eq!(names(forged.headers()), names(request.build().headers()));
    answer(&layer, forged).assert_mismatch();

    let stale = answer(&layer, request.build_stale());
    let too_old = Rejection::Unverified(VerifyError::TimestampTooOld { seconds: 3600 });
    assert_eq!(stale.rejection, Some(too_old));
    let an_hour_ago = layer.clone().clock(ManualClock::new(NOW - 3600));
    answer(&an_hour_ago, request.build_stale()).accepted();

    let [first, second] = request
        .build_duplicates()
        .map(|request| answer(&layer, request).accepted());
    assert_eq!(first.id(), second.id());
    assert_eq!(first.payload(), second.payload());
    assert_eq!(
        [first.unix_seconds(), second.unix_seconds()],
        [NOW, NOW + 1]
    );
    let [third, _] = request.build_duplicates();
    assert_ne!(third.headers()["webhook-id"], first.id(), "another event");
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn debug_shows_no_header_and_no_body() {
    let shown = format!("{:?}", Fixture::parse(file("", BODY)).unwrap());
    for hidden in [ID, "v1,", "job"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}
