//! Requests with a length that two parsers may understand in different ways.
//!
//! Each contains bytes that another parser would take for a request to `/hidden`. A valid delivery follows. Each is
//! sent twice: with a signature of the bytes of that request, and with a signature of no bytes.

use tower_svix_tests::http1::{Connection, head};
use tower_svix_tests::net::Delivery;

use super::target::Target;

pub(crate) const HIDDEN: &str =
    "POST /hidden HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
pub(crate) const CHUNKED: &str = "transfer-encoding: chunked\r\n";

/// The result of a request.
pub(crate) struct Outcome {
    /// The statuses of all responses.
    pub(crate) statuses: Vec<u16>,
    /// The paths of the requests that hyper found.
    pub(crate) paths: Vec<String>,
    pub(crate) delivery: Delivery,
    /// The delivery that follows.
    pub(crate) next: Delivery,
}

/// Sends a request with these headers and bytes, signed over `signed`.
pub(crate) async fn send(
    target: &Target,
    framing: &str,
    bytes: &str,
    signed: &'static str,
) -> Outcome {
    let delivery = Delivery::genuine("msg_1", signed);
    let next = Delivery::genuine("msg_next", "{}");
    let earlier = target.requests().paths.len();

    let mut connection = Connection::open(target.address).await;
    let first = head(&delivery, framing) + bytes;
    let last = head(&next, "content-length: 2\r\nconnection: close\r\n") + "{}";
    connection.write(first + &last).await;
    connection.half_close().await;
    let rest = connection.rest().await;
    target.holds_nothing().await;

    let statuses = rest
        .match_indices("HTTP/1.1 ")
        .map(|(at, protocol)| rest[at + protocol.len()..][..3].parse().unwrap())
        .collect();
    let paths = target.requests().paths[earlier..].to_vec();
    Outcome {
        statuses,
        paths,
        delivery,
        next,
    }
}

/// Returns `HIDDEN` as a chunked body.
pub(crate) fn chunk() -> String {
    chunk_with(&size(), "\r\n", "0\r\n\r\n")
}

pub(crate) fn size() -> String {
    format!("{:x}\r\n", HIDDEN.len())
}

pub(crate) fn chunk_with(size: &str, after: &str, end: &str) -> String {
    [size, HIDDEN, after, end].concat()
}

#[tokio::test]
async fn what_is_inside_a_body_is_never_a_request() {
    let target = Target::start().await;
    let len = HIDDEN.len();
    let length = format!("content-length: {len}\r\n");
    let chunk = chunk();
    let trailer = |line| chunk_with(&size(), "\r\n", &format!("0\r\n{line}\r\n\r\n"));
    for (name, framing, bytes) in [
        ("length", length.clone(), HIDDEN.to_owned()),
        ("length twice", format!("{length}{length}"), HIDDEN.into()),
        (
            "length with white space",
            format!("content-length: \t {len} \t\r\n"),
            HIDDEN.into(),
        ),
        (
            "length with zeros",
            format!("content-length: 000{len}\r\n"),
            HIDDEN.into(),
        ),
        (
            "length after a bare LF",
            format!("x: y\n{length}"),
            HIDDEN.into(),
        ),
        (
            "length, and no hop",
            format!("connection: content-length\r\n{length}"),
            HIDDEN.into(),
        ),
        (
            "length, and an upgrade",
            format!(
                "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n{length}"
            ),
            HIDDEN.into(),
        ),
        ("chunked", CHUNKED.into(), chunk.clone()),
        (
            "chunked twice",
            format!("{CHUNKED}{CHUNKED}"),
            chunk.clone(),
        ),
        (
            "CHUNKED",
            "Transfer-Encoding: CHUNKED\r\n".into(),
            chunk.clone(),
        ),
        (
            "gzip, chunked",
            "transfer-encoding: gzip, chunked\r\n".into(),
            chunk.clone(),
        ),
        ("size with zeros", CHUNKED.into(), format!("0000{chunk}")),
        (
            "size and a space",
            CHUNKED.into(),
            chunk.replacen("\r\n", " \r\n", 1),
        ),
        (
            "trailing length",
            CHUNKED.into(),
            trailer("content-length: 99"),
        ),
        (
            "trailing coding",
            CHUNKED.into(),
            trailer("transfer-encoding: chunked"),
        ),
        (
            "trailing signature",
            CHUNKED.into(),
            trailer("webhook-signature: v1,x"),
        ),
    ] {
        for (signed, status) in [(HIDDEN, 200), ("", 401)] {
            let outcome = send(&target, &framing, &bytes, signed).await;
            assert_eq!(outcome.statuses, [status, 200], "{name}");
            assert_eq!(outcome.paths, ["/webhook"; 2], "{name}");
            let accepted = (status == 200).then_some(&outcome.delivery);
            let received: Vec<_> = accepted.into_iter().chain([&outcome.next]).collect();
            target.assert_received_in(name, &received);
        }
    }
}

#[tokio::test]
async fn a_request_with_both_framings_is_read_as_chunked_and_is_the_last_one() {
    let target = Target::start().await;
    let chunk = chunk();
    // By its length, all of this is the body. By its chunks, only its start is.
    let early_end = format!("0\r\n\r\n{HIDDEN}");
    let all = format!("content-length: {}\r\n", early_end.len());
    let first_line = "content-length: 4\r\n";
    for (name, framing, bytes, body) in [
        ("length first", format!("{all}{CHUNKED}"), &early_end, ""),
        ("length last", format!("{CHUNKED}{all}"), &early_end, ""),
        (
            "short length first",
            format!("{first_line}{CHUNKED}"),
            &chunk,
            HIDDEN,
        ),
        (
            "short length last",
            format!("{CHUNKED}{first_line}"),
            &chunk,
            HIDDEN,
        ),
        (
            "after a bare LF",
            format!("{first_line}x: y\n{CHUNKED}"),
            &chunk,
            HIDDEN,
        ),
    ] {
        for signed in [HIDDEN, ""] {
            let outcome = send(&target, &framing, bytes, signed).await;
            let accepted = (signed == body).then_some(&outcome.delivery);
            let status = if accepted.is_some() { 200 } else { 401 };
            assert_eq!(outcome.statuses, [status], "{name}");
            assert_eq!(outcome.paths, ["/webhook"], "{name}");
            target.assert_received_in(name, accepted.as_slice());
        }
    }
}

#[tokio::test]
async fn a_request_behind_another_needs_a_signature_of_its_own() {
    let target = Target::start().await;
    // This is no length, so what follows is a request. The signature of the first request does not cover it.
    let framing = format!("content_length: {}\r\n", HIDDEN.len());
    let outcome = send(&target, &framing, HIDDEN, "").await;
    assert_eq!(outcome.paths, ["/webhook", "/hidden", "/webhook"]);
    assert_eq!(outcome.statuses, [200, 401, 200]);
    target.assert_received(&[&outcome.delivery, &outcome.next]);
}
