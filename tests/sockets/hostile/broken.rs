//! Connections that break off.

use tower_svix_tests::http1::{Connection, head};
use tower_svix_tests::net::Delivery;

use super::target::Target;

const BODY: &str = "a body of some length";

/// Returns what was sent before the connection breaks off: the head, or more.
fn unfinished() -> Vec<(&'static str, String)> {
    let delivery = Delivery::genuine("msg_broken", BODY);
    let length = head(&delivery, "content-length: 21\r\n");
    let chunked = head(&delivery, "transfer-encoding: chunked\r\n");
    vec![
        ("nothing", String::new()),
        ("in the request line", "POST /web".into()),
        ("in a header", length[..length.len() / 2].into()),
        ("before the empty line", length[..length.len() - 2].into()),
        ("after the head", length.clone()),
        ("in the body", format!("{length}a body of")),
        ("before the last byte", length + &BODY[..20]),
        ("before the first chunk", chunked.clone()),
        ("in the size of a chunk", format!("{chunked}1")),
        ("in a chunk", format!("{chunked}15\r\na body of")),
        ("after a chunk", format!("{chunked}15\r\n{BODY}\r\n")),
        (
            "in the last chunk",
            format!("{chunked}15\r\n{BODY}\r\n0\r\n"),
        ),
        (
            "in the trailers",
            format!("{chunked}15\r\n{BODY}\r\n0\r\nextra: unsigned\r\n"),
        ),
    ]
}

async fn assert_lives_on(target: &Target, name: &str) {
    target.holds_nothing().await;
    let next = Delivery::genuine("msg_next", BODY);
    let mut connection = Connection::open(target.address).await;
    assert_eq!(connection.post(&next).await.status, 200, "{name}");
    target.assert_received_in(name, &[&next]);
}

#[tokio::test]
async fn a_half_closed_connection_makes_no_delivery_of_what_there_is() {
    let target = Target::start().await;
    for (name, start) in unfinished() {
        let mut connection = Connection::open(target.address).await;
        connection.write(&start).await;
        connection.half_close().await;
        let rest = connection.rest().await;
        assert!(!rest.contains("200 OK"), "{name}: {rest}");
        assert_lives_on(&target, name).await;
    }
}

#[tokio::test]
async fn a_reset_connection_makes_no_delivery_of_what_there_is() {
    let target = Target::start().await;
    for (name, start) in unfinished() {
        let mut connection = Connection::open(target.address).await;
        connection.write(&start).await;
        if start.contains("\r\n\r\n") {
            // The middleware has the request, and waits for the rest.
            target.requests_until(|seen| seen.held == 1).await;
        }
        connection.reset();
        assert_lives_on(&target, name).await;
    }
}

#[tokio::test]
async fn a_sender_that_half_closes_after_its_delivery_is_answered() {
    let target = Target::start().await;
    let delivery = Delivery::genuine("msg_1", BODY);
    for (framing, body) in [
        ("content-length: 21\r\n", BODY.to_owned()),
        (
            "transfer-encoding: chunked\r\n",
            format!("15\r\n{BODY}\r\n0\r\n\r\n"),
        ),
    ] {
        let mut connection = Connection::open(target.address).await;
        connection.write(head(&delivery, framing) + &body).await;
        connection.half_close().await;
        let rest = connection.rest().await;
        assert!(rest.starts_with("HTTP/1.1 200 OK\r\n"), "{framing}: {rest}");
        target.assert_received_in(framing, &[&delivery]);
    }
}
