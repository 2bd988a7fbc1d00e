//! Stalled uploads that together exceed the memory limit.

use std::time::Duration;

use tokio::time::sleep;
use tower::Layer as _;
use tower_svix_tests::http1::{self, head};
use tower_svix_tests::net::{Delivery, layer, within};

use super::frames::{self, data, fields, headers};
use super::hpack::block;
use super::target::Target;

const UPLOADS: usize = 1_000;
const STREAMS_PER_CONNECTION: usize = 100;
/// The bytes that each upload claims or sends.
const UPLOAD: usize = 1_000;
/// The number of uploads that fit.
const ROOM: usize = 100;
/// The bytes that are left beside them.
const REST: usize = 500;

async fn target() -> Target {
    let layer = layer().memory_limit(ROOM * UPLOAD + REST);
    Target::start_with(|recorder| layer.layer(recorder)).await
}

fn stalled() -> Delivery {
    Delivery::genuine("msg_stalled", vec![b'a'; UPLOAD])
}

/// Asserts that all uploads have arrived, and that only those that fit are held.
async fn assert_bounded(target: &Target) {
    target
        .requests_until(|seen| seen.paths.len() >= UPLOADS && seen.held <= ROOM)
        .await;
    assert!(target.requests().held > 0, "there is room for some");
    target.assert_received(&[]);
}

/// Asserts that a sender that retries, as it is asked to, is served.
async fn assert_serves(target: &Target, length: usize) {
    let delivery = Delivery::genuine("msg_genuine", vec![b'b'; length]);
    within(async {
        loop {
            let mut connection = http1::Connection::open(target.address).await;
            let answer = connection.post(&delivery).await;
            if answer.status == 200 {
                break;
            }
            assert_eq!(answer.status, 503);
            assert!(answer.body.contains("memory-exhausted"), "{}", answer.body);
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    target.assert_received(&[&delivery]);
}

#[tokio::test]
async fn a_thousand_claims_over_http1_take_no_more_than_the_memory_limit() {
    let target = target().await;
    let claim = head(&stalled(), &format!("content-length: {UPLOAD}\r\n"));
    let mut connections = Vec::new();
    for _ in 0..UPLOADS {
        let mut connection = http1::Connection::open(target.address).await;
        connection.write(&claim).await;
        connections.push(connection);
    }
    assert_bounded(&target).await;
    assert_eq!(target.requests().held, ROOM);
    assert_serves(&target, REST).await;

    // All others were told to come back later.
    let mut answered = Vec::new();
    within(async {
        while answered.len() < UPLOADS - ROOM {
            // Tokio does not let one task start so many in one poll.
            sleep(Duration::from_millis(1)).await;
            let mut asked = connections.split_off(connections.len().saturating_sub(50));
            answered.extend(asked.extract_if(.., |connection| connection.has_more()));
            asked.append(&mut connections);
            connections = asked;
        }
    })
    .await;
    for connection in &mut answered {
        let answer = connection.answer().await;
        assert_eq!(answer.status, 503);
        assert!(answer.body.contains("memory-exhausted"), "{}", answer.body);
    }

    drop((connections, answered));
    target.holds_nothing().await;
    assert_serves(&target, ROOM * UPLOAD / 2).await;
}

#[tokio::test]
async fn a_thousand_uploads_over_http1_take_no_more_than_the_memory_limit() {
    let target = target().await;
    let delivery = stalled();
    let start = head(&delivery, "transfer-encoding: chunked\r\n");
    let mut connections = Vec::new();
    for _ in 0..UPLOADS {
        let mut connection = http1::Connection::open(target.address).await;
        connection.write(&start).await;
        connection.try_write(format!("{UPLOAD:x}\r\n")).await;
        connection.try_write(&delivery.body).await;
        connections.push(connection);
    }
    assert_bounded(&target).await;
    assert_serves(&target, 21).await;

    drop(connections);
    target.holds_nothing().await;
    assert_serves(&target, ROOM * UPLOAD / 2).await;
}

#[tokio::test]
async fn a_thousand_claims_over_http2_take_no_more_than_the_memory_limit() {
    let delivery = stalled();
    let mut fields = fields(&delivery);
    fields.push(("content-length".into(), UPLOAD.to_string()));
    let block = block(&fields);
    let target = target().await;
    let connections = open_streams(&target, |stream| headers(stream, &block)).await;
    assert_bounded(&target).await;
    assert_eq!(target.requests().held, ROOM);
    assert_serves(&target, REST).await;

    drop(connections);
    target.holds_nothing().await;
    assert_serves(&target, ROOM * UPLOAD / 2).await;
}

#[tokio::test]
async fn a_thousand_uploads_over_http2_take_no_more_than_the_memory_limit() {
    let delivery = stalled();
    let target = target().await;
    let connections = open_streams(&target, |stream| {
        [
            frames::head(stream, &delivery),
            data(stream, &delivery.body),
        ]
        .concat()
    })
    .await;
    assert_bounded(&target).await;
    assert_serves(&target, 21).await;

    drop(connections);
    target.holds_nothing().await;
    assert_serves(&target, ROOM * UPLOAD / 2).await;
}

/// Writes the frames of `of_stream` for each upload. Some uploads share a connection.
async fn open_streams(
    target: &Target,
    of_stream: impl Fn(u32) -> Vec<u8>,
) -> Vec<frames::Connection> {
    let mut connections = Vec::new();
    for _ in 0..UPLOADS / STREAMS_PER_CONNECTION {
        let mut connection = frames::Connection::open(target.address, &[]).await;
        for number in 0..STREAMS_PER_CONNECTION {
            let stream = u32::try_from(number * 2 + 1).unwrap();
            connection.write(of_stream(stream)).await;
        }
        connections.push(connection);
    }
    connections
}
