//! HTTP/2 peers that ask for too much.

use tower_svix_tests::http2 as http2_client;
use tower_svix_tests::net::{BODY_LIMIT, Delivery};

use super::frames::{
    Answer, Connection, ENHANCE_YOUR_CALM, continuation, data, fields, head, headers, last_data,
    reset, unfinished_headers,
};
use super::hpack::{REFERENCE, block, indexed_field};
use super::target::Target;

const BODY: &[u8] = b"a body of some length";

/// The number of streams that hyper serves at the same time on one connection.
const MAX_CONCURRENT_STREAMS: usize = 200;

fn genuine() -> Delivery {
    Delivery::genuine("msg_1", BODY)
}

/// Asserts that the server has freed what a flood sent, stayed within bounds, and serves others.
async fn assert_survived(target: &Target) {
    target.holds_nothing().await;
    assert!(target.requests().most_held <= MAX_CONCURRENT_STREAMS);
    target.assert_received(&[]);

    let delivery = genuine();
    let mut connection = http2_client::Connection::open(target.address).await;
    let body = http2_client::frames(&delivery.body, 1);
    let answer = connection.post("/webhook", &delivery, &[], body).await;
    assert_eq!(answer.unwrap().status, 200);
    target.assert_received(&[&delivery]);
}

/// Returns a list of fields that is short only on the wire: one field of 4,000 bytes, and references to it.
fn bomb(references: usize) -> Vec<u8> {
    let mut block = block(&fields(&genuine()));
    block.extend(indexed_field("x", &"y".repeat(4_000)));
    block.resize(block.len() + references, REFERENCE);
    block
}

/// Waits until the server ends the connection, and asserts the reason.
async fn assert_cut_off(connection: &mut Connection, reason: &str) {
    let expected = Some((ENHANCE_YOUR_CALM, reason.to_owned()));
    assert_eq!(connection.end().await, expected);
}

/// Sends the frames of `of_stream` for each of 10,000 streams, and asserts why the connection ends.
async fn flood(target: &Target, reason: &str, of_stream: impl Fn(u32) -> Vec<u8>) {
    let mut connection = Connection::open(target.address, &[]).await;
    for stream in (1..20_000).step_by(2) {
        connection.write(of_stream(stream)).await;
    }
    assert_cut_off(&mut connection, reason).await;
}

#[tokio::test]
async fn a_flood_of_rapid_resets_is_cut_off() {
    let target = Target::start().await;
    let delivery = genuine();
    flood(&target, "too_many_resets", |stream| {
        [head(stream, &delivery), data(stream, BODY), reset(stream)].concat()
    })
    .await;
    assert_survived(&target).await;
}

#[tokio::test]
async fn a_flood_of_streams_that_make_the_server_reset_them_is_cut_off() {
    let target = Target::start().await;
    let delivery = genuine();
    // A body that is longer than it claims is an error of its stream only.
    let mut fields = fields(&delivery);
    fields.push(("content-length".into(), "9".into()));
    let block = block(&fields);
    flood(&target, "too_many_internal_resets", |stream| {
        [headers(stream, &block), data(stream, BODY)].concat()
    })
    .await;
    assert_survived(&target).await;
}

#[tokio::test]
async fn a_flood_of_stalled_uploads_is_cut_off() {
    let target = Target::start().await;
    let delivery = genuine();
    flood(&target, "too_many_internal_resets", |stream| {
        head(stream, &delivery)
    })
    .await;
    assert_survived(&target).await;
}

#[tokio::test]
async fn a_header_list_over_the_limit_is_rejected_and_the_connection_lives_on() {
    let target = Target::start().await;
    let mut connection = Connection::open(target.address, &[]).await;
    let delivery = genuine();

    // Each field counts as 32 bytes more than its text.
    let many = [block(&fields(&delivery)), block(&[("x", "y")]).repeat(500)];
    connection.write(headers(1, &many.concat())).await;
    connection.write(last_data(1, BODY)).await;
    assert_eq!(connection.answer(1).await, Answer::Status(431));

    connection.write(headers(3, &bomb(10))).await;
    connection.write(last_data(3, BODY)).await;
    assert_eq!(connection.answer(3).await, Answer::Status(431));

    assert_eq!(target.requests().paths, [""; 0]);
    assert_eq!(connection.post(5, &delivery).await, Answer::Status(200));
    target.assert_received(&[&delivery]);
}

#[tokio::test]
async fn a_header_list_that_never_ends_is_cut_off() {
    let target = Target::start().await;
    let mut connection = Connection::open(target.address, &[]).await;
    let start = block(&fields(&genuine()));
    connection.write(unfinished_headers(1, &start)).await;
    for _ in 0..10_000 {
        connection
            .write(continuation(1, &block(&[("x", "y")])))
            .await;
    }
    assert_cut_off(&mut connection, "too_many_continuations").await;
    assert_survived(&target).await;
}

#[tokio::test]
async fn a_header_list_far_over_the_limit_is_cut_off() {
    let target = Target::start().await;
    let mut connection = Connection::open(target.address, &[]).await;
    connection.write(headers(1, &bomb(10_000))).await;
    assert_cut_off(&mut connection, "header_list_way_too_large").await;
    assert_survived(&target).await;
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let target = Target::start().await;
    let mut connection = Connection::open(target.address, &[]).await;
    connection.write(head(1, &genuine())).await;
    let frame = data(1, &[b'x'; 16_384]);
    for _ in 0..=BODY_LIMIT / 16_384 {
        connection.write(&frame).await;
    }
    assert_eq!(connection.answer(1).await, Answer::Status(413));
    // 16 MiB more, with a window of 1 MiB. The server's answer may be lost with the connection.
    for _ in 0..16 * BODY_LIMIT / 1_024 {
        connection.write(&frame).await;
    }
    drop(connection);
    assert_survived(&target).await;
}

#[tokio::test]
async fn a_flood_of_empty_frames_is_cut_off() {
    let target = Target::start().await;
    let mut connection = Connection::open(target.address, &[]).await;
    connection.write(head(1, &genuine())).await;
    target.requests_until(|seen| seen.held == 1).await;
    for _ in 0..10_000 {
        connection.write(data(1, b"")).await;
    }
    assert_cut_off(&mut connection, "too_many_data_frames").await;
    assert_survived(&target).await;
}
