//! CONNECT, and the extended CONNECT of RFC 8441, which asks for a tunnel in an HTTP/2 stream.

use tower_svix_tests::net::Delivery;

use super::frames::{
    Answer, Connection, ENHANCE_YOUR_CALM, PROTOCOL_ERROR, REFUSED_STREAM, data, fields, headers,
    last_data,
};
use super::hpack::block;
use super::target::Target;

const BODY: &[u8] = b"a body of some length";

/// Returns the head of a delivery that asks for a tunnel of this protocol, or for a plain tunnel.
fn connect(stream: u32, delivery: &Delivery, protocol: Option<&str>) -> Vec<u8> {
    let mut fields = fields(delivery);
    fields[0].1 = "CONNECT".into();
    match protocol {
        Some(protocol) => fields.insert(0, (":protocol".into(), protocol.into())),
        // A plain tunnel has neither of these.
        None => fields.retain(|(name, _)| name != ":scheme" && name != ":path"),
    }
    headers(stream, &block(&fields))
}

#[tokio::test]
async fn an_extended_connect_is_an_error_where_the_server_does_not_offer_it() {
    let target = Target::start().await;
    let mut connection = Connection::open(target.address, &[]).await;
    let tunnel = Delivery::genuine("msg_tunnel", "");
    connection
        .write(connect(1, &tunnel, Some("websocket")))
        .await;
    assert_eq!(connection.answer(1).await, Answer::Reset(PROTOCOL_ERROR));
    assert_eq!(target.requests().paths, [""; 0]);

    let delivery = Delivery::genuine("msg_1", BODY);
    assert_eq!(connection.post(3, &delivery).await, Answer::Status(200));
    target.assert_received(&[&delivery]);

    for stream in (5..20_000).step_by(2) {
        let frames = connect(stream, &tunnel, Some("websocket"));
        connection.write(frames).await;
    }
    let expected = (ENHANCE_YOUR_CALM, "too_many_internal_resets".to_owned());
    assert_eq!(connection.end().await, Some(expected));
    target.assert_received(&[]);
}

#[tokio::test]
async fn a_tunnel_opens_for_nobody_without_a_signature_over_its_empty_body() {
    let target = Target::start_with_tunnels().await;
    let mut connection = Connection::open(target.address, &[]).await;
    let mut streams = (1..).step_by(2);
    // The bytes that go through the tunnel are not the body, so this signature is that of another body.
    let through_the_tunnel = Delivery::genuine("msg_1", BODY);
    for protocol in [None, Some("websocket")] {
        for delivery in [&Delivery::forged("msg_1", ""), &through_the_tunnel] {
            let stream = streams.next().unwrap();
            connection.write(connect(stream, delivery, protocol)).await;
            connection.write(data(stream, BODY)).await;
            let answer = connection.answer(stream).await;
            assert_eq!(answer, Answer::Status(401), "{protocol:?}");
            target.assert_received(&[]);
        }
        let delivery = Delivery::genuine("msg_2", "");
        let stream = streams.next().unwrap();
        connection.write(connect(stream, &delivery, protocol)).await;
        connection.write(last_data(stream, BODY)).await;
        let answer = connection.answer(stream).await;
        assert_eq!(answer, Answer::Status(200), "{protocol:?}");
        target.assert_received(&[&delivery]);
    }
    target.holds_nothing().await;
}

#[tokio::test]
async fn a_flood_of_forged_tunnels_is_cut_off() {
    let target = Target::start_with_tunnels().await;
    let mut connection = Connection::open(target.address, &[]).await;
    let forged = Delivery::forged("msg_forged", "");
    let mut streams = (1..20_000).step_by(2);
    let end = loop {
        let stream = streams.next().expect("it does not go on without end");
        let frames = connect(stream, &forged, Some("websocket"));
        connection.write(frames).await;
        match connection.answer(stream).await {
            // The client leaves the server no window for its responses, so they keep streams open until no more are
            // allowed.
            Answer::Status(401) | Answer::Reset(REFUSED_STREAM) => {}
            end => break end,
        }
    };
    assert_eq!(end, Answer::GoAway(ENHANCE_YOUR_CALM));
    target.holds_nothing().await;
    assert_eq!(target.requests().most_held, 1);
    target.assert_received(&[]);

    let delivery = Delivery::genuine("msg_1", BODY);
    let mut another = Connection::open(target.address, &[]).await;
    assert_eq!(another.post(1, &delivery).await, Answer::Status(200));
    target.assert_received(&[&delivery]);
}
