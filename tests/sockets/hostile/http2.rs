//! HTTP/2 streams that are reset, stalled or malformed.

use tower_svix_tests::http2 as http2_client;
use tower_svix_tests::net::{BODY_LIMIT, Delivery};

use super::frames::{
    Answer, Connection, INITIAL_WINDOW_SIZE, PROTOCOL_ERROR, data, fields, go_away, head, headers,
    last_data, reset,
};
use super::hpack::block;
use super::target::Target;

const BODY: &[u8] = b"a body of some length";

fn genuine() -> Delivery {
    Delivery::genuine("msg_1", BODY)
}

#[tokio::test]
async fn a_delivery_that_is_reset_never_reaches_the_handler() {
    let target = Target::start().await;
    let mut connection = Connection::open(target.address, &[]).await;
    let mut streams = (1..).step_by(2);
    // In the last case, the whole body is there, but not the end of the stream.
    for len in [0, 1, BODY.len()] {
        let stream = streams.next().unwrap();
        connection.write(head(stream, &genuine())).await;
        connection.write(data(stream, &BODY[..len])).await;
        connection.settle().await;
        target.requests_until(|seen| seen.held == 1).await;
        connection.write(reset(stream)).await;
        target.holds_nothing().await;
        target.assert_received(&[]);

        let next = genuine();
        let answer = connection.post(streams.next().unwrap(), &next).await;
        assert_eq!(answer, Answer::Status(200), "{len}");
        target.assert_received(&[&next]);
    }
}

#[tokio::test]
async fn a_delivery_is_finished_though_its_sender_said_goaway() {
    let target = Target::start().await;
    let delivery = genuine();
    let mut connection = Connection::open(target.address, &[]).await;
    connection.write(head(1, &delivery)).await;
    connection.write(data(1, &BODY[..9])).await;
    connection.settle().await;
    connection.write(go_away()).await;
    connection.write(last_data(1, &BODY[9..])).await;
    assert_eq!(connection.answer(1).await, Answer::Status(200));
    target.assert_received(&[&delivery]);
}

#[tokio::test]
async fn a_delivery_whose_connection_ends_after_goaway_never_reaches_the_handler() {
    let target = Target::start().await;
    let mut connection = Connection::open(target.address, &[]).await;
    connection.write(head(1, &genuine())).await;
    connection.write(data(1, BODY)).await;
    connection.settle().await;
    target.requests_until(|seen| seen.held == 1).await;
    connection.write(go_away()).await;
    drop(connection);
    target.holds_nothing().await;
    target.assert_received(&[]);
}

#[tokio::test]
async fn rejections_that_their_sender_does_not_read_keep_nobody_waiting() {
    let target = Target::start_with_one_permit().await;
    // No response body fits into this window, which never grows.
    let mut connection = Connection::open(target.address, &[(INITIAL_WINDOW_SIZE, 0)]).await;
    let mut streams = (1..).step_by(2);
    for stream in streams.by_ref().take(100) {
        let forged = Delivery::forged("msg_forged", BODY);
        assert_eq!(connection.post(stream, &forged).await, Answer::Status(401));
    }
    let delivery = genuine();
    let answer = connection.post(streams.next().unwrap(), &delivery).await;
    assert_eq!(answer, Answer::Status(200));
    target.assert_received(&[&delivery]);

    let mut another = http2_client::Connection::open(target.address).await;
    let body = http2_client::frames(&delivery.body, 1);
    let answer = another.post("/webhook", &delivery, &[], body).await;
    assert_eq!(answer.unwrap().status, 200);
    target.assert_received(&[&delivery]);
}

#[tokio::test]
async fn the_bodies_of_rejected_requests_do_not_use_up_the_window_of_the_connection() {
    let target = Target::start().await;
    let mut connection = http2_client::Connection::open(target.address).await;
    let mut malformed = Delivery::genuine("msg_1", vec![b'x'; BODY_LIMIT]);
    malformed.set("webhook-id", "msg.1");
    let forged = Delivery::forged("msg_2", vec![b'x'; BODY_LIMIT]);
    let too_long = Delivery::genuine("msg_3", vec![b'x'; BODY_LIMIT + 1]);
    // Together, they are many times the window of 1 MiB.
    for _ in 0..40 {
        for (rejected, status) in [(&malformed, 401), (&forged, 401), (&too_long, 413)] {
            let body = http2_client::frames(&rejected.body, 16_384);
            let answer = connection.post("/webhook", rejected, &[], body).await;
            assert_eq!(answer.unwrap().status, status);
        }
    }
    let delivery = Delivery::genuine("msg_4", vec![b'x'; BODY_LIMIT]);
    let body = http2_client::frames(&delivery.body, 16_384);
    let answer = connection.post("/webhook", &delivery, &[], body).await;
    assert_eq!(answer.unwrap().status, 200);
    target.assert_received(&[&delivery]);
}

#[tokio::test]
async fn a_malformed_request_never_reaches_the_middleware() {
    let valid = fields(&genuine());
    let mut malformed: Vec<_> = [
        (":status", "200"),
        ("connection", "keep-alive"),
        ("content-length", "many"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("X-Upper", "case"),
        ("x", "y\r\nwebhook-id: other"),
        ("x", "\0"),
        ("", "no name"),
    ]
    .map(|(name, value)| [&valid[..], &[(name.into(), value.into())]].concat())
    .into();
    for number in 0..4 {
        let [mut missing, mut late] = [valid.clone(), valid.clone()];
        let pseudo_header = missing.remove(number);
        late[number..].rotate_left(1);
        let twice = [vec![pseudo_header.clone()], valid.clone()].concat();
        malformed.extend([late, twice]);
        // A request may leave out its host.
        if pseudo_header.0 != ":authority" {
            malformed.push(missing);
        }
    }

    let target = Target::start().await;
    for fields in malformed {
        let mut connection = Connection::open(target.address, &[]).await;
        connection.write(headers(1, &block(&fields))).await;
        connection.write(last_data(1, BODY)).await;
        let answer = connection.answer(1).await;
        // Some end the connection, others only their stream.
        let (Answer::Reset(code) | Answer::GoAway(code)) = answer else {
            panic!("{fields:?}: {answer:?}");
        };
        assert_eq!(code, PROTOCOL_ERROR, "{fields:?}");
    }
    assert_eq!(target.requests().paths, [""; 0]);
    target.assert_received(&[]);
}

#[tokio::test]
async fn a_body_that_is_not_of_the_length_it_claims_never_reaches_the_handler() {
    let target = Target::start().await;
    for (length, body) in [("20", BODY), ("22", BODY), ("0", BODY), ("21", b"")] {
        let mut connection = Connection::open(target.address, &[]).await;
        let mut fields = fields(&Delivery::genuine("msg_1", body));
        fields.push(("content-length".into(), length.into()));
        connection.write(headers(1, &block(&fields))).await;
        connection.write(last_data(1, body)).await;
        let answer = connection.answer(1).await;
        assert_eq!(answer, Answer::Reset(PROTOCOL_ERROR), "{length}");
        target.holds_nothing().await;
        target.assert_received(&[]);
    }
}
