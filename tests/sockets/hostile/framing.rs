//! Bodies in strange chunks, and bodies that the client sends only when it is told to.

use tower_svix_tests::http1::{Connection, head};
use tower_svix_tests::net::{BODY_LIMIT, Delivery};

use super::target::Target;

const CHUNKED: &str = "transfer-encoding: chunked\r\n";

#[tokio::test]
async fn chunks_of_one_byte_arrive_whole() {
    let target = Target::start().await;
    let delivery = Delivery::genuine("msg_1", "a body of some length ".repeat(200));
    let mut connection = Connection::open(target.address).await;
    connection.write(head(&delivery, CHUNKED)).await;
    for byte in &delivery.body {
        connection
            .write([b'1', b'\r', b'\n', *byte, b'\r', b'\n'])
            .await;
    }
    connection.write("0\r\n\r\n").await;
    assert_eq!(connection.answer().await.status, 200);
    target.assert_received(&[&delivery]);
}

#[tokio::test]
async fn a_delivery_that_trickles_in_byte_by_byte_arrives_whole() {
    let target = Target::start().await;
    let delivery = Delivery::genuine("msg_1", "a body of some length");
    let request =
        head(&delivery, CHUNKED) + "15\r\na body of some length\r\n0\r\nextra: unsigned\r\n\r\n";
    let mut connection = Connection::open(target.address).await;
    for byte in request.bytes() {
        connection.write([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(connection.answer().await.status, 200);
    target.assert_received(&[&delivery]);
}

#[tokio::test]
async fn chunk_extensions_are_no_part_of_the_body() {
    let target = Target::start().await;
    let delivery = Delivery::genuine("msg_1", "one, two");
    let long = "x".repeat(4_000);
    for extension in [";a", ";a=b;c=\"d\"", " ;a", &format!(";{long}=\"{long}\"")] {
        let row = &extension[..extension.len().min(9)];
        let mut connection = Connection::open(target.address).await;
        connection.write(head(&delivery, CHUNKED)).await;
        let chunks = format!("5{extension}\r\none, \r\n3{extension}\r\ntwo\r\n0\r\n\r\n");
        connection.write(chunks).await;
        assert_eq!(connection.answer().await.status, 200, "{row}");
        target.assert_received_in(row, &[&delivery]);
    }
}

#[tokio::test]
async fn chunk_extensions_and_trailers_without_end_are_cut_off() {
    let target = Target::start().await;
    let delivery = Delivery::genuine("msg_1", "one, two");
    let x = "x".repeat(1_000);
    for (name, start, filler) in [
        ("one extension", "8;", x.clone()),
        ("an extension for each chunk", "", format!("1;{x}\r\n,\r\n")),
        ("one trailer", "8\r\none, two\r\n0\r\n", x.clone()),
        (
            "many trailers",
            "8\r\none, two\r\n0\r\n",
            format!("{x}: {x}\r\n"),
        ),
    ] {
        let mut connection = Connection::open(target.address).await;
        connection.write(head(&delivery, CHUNKED)).await;
        connection.write(start).await;
        // Some 2 MB: a hundred times what hyper accepts of either.
        for _ in 0..2_000 {
            connection.try_write(&filler).await;
        }
        let rest = connection.rest().await;
        assert!(!rest.contains("200 OK"), "{name}: {rest}");
        target.holds_nothing().await;
        target.assert_received_in(name, &[]);
    }
}

#[tokio::test]
async fn only_a_promising_request_is_told_to_continue() {
    let target = Target::start().await;
    let expect = |length| format!("content-length: {length}\r\nexpect: 100-continue\r\n");
    let genuine = || Delivery::genuine("msg_1", "{}");
    let changed = |name, value: &str| {
        let mut delivery = genuine();
        delivery.set(name, value);
        delivery
    };
    let unsigned = "POST /webhook HTTP/1.1\r\nhost: localhost\r\n";
    for (name, request, status) in [
        ("unsigned", format!("{unsigned}{}\r\n", expect(2)), 401),
        (
            "dotted id",
            head(&changed("webhook-id", "msg.1"), &expect(2)),
            401,
        ),
        (
            "old",
            head(&changed("webhook-timestamp", "1700000000"), &expect(2)),
            401,
        ),
        (
            "from the future",
            head(&changed("webhook-timestamp", "9999999999"), &expect(2)),
            401,
        ),
        (
            "no time",
            head(&changed("webhook-timestamp", "now"), &expect(2)),
            401,
        ),
        (
            "no known signature",
            head(&changed("webhook-signature", "v9,x"), &expect(2)),
            401,
        ),
        (
            "two ids",
            head(&genuine(), &(expect(2) + "webhook-id: msg_1\r\n")),
            401,
        ),
        ("too long", head(&genuine(), &expect(BODY_LIMIT + 1)), 413),
    ] {
        let mut connection = Connection::open(target.address).await;
        connection.write(request).await;
        // If the server asked for the body, the first response would be `100 Continue`, as it is below.
        assert_eq!(connection.answer().await.status, status, "{name}");
        // The body never came, so nothing else is read as a request.
        assert_eq!(connection.rest().await, "", "{name}");
    }
    target.assert_received(&[]);

    let forged = Delivery::forged("msg_2", "{}");
    for (delivery, status) in [(&genuine(), 200), (&forged, 401)] {
        let mut connection = Connection::open(target.address).await;
        connection.write(head(delivery, &expect(2))).await;
        assert_eq!(connection.answer().await.status, 100);
        connection.write(&delivery.body).await;
        assert_eq!(connection.answer().await.status, status);
    }
    target.assert_received(&[&genuine()]);
}
