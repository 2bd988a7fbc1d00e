//! Uploads that stall.

use std::time::Duration;

use http::StatusCode;
use tower::ServiceBuilder;
use tower_http::timeout::TimeoutLayer;
use tower_svix_tests::http1::{self, head};
use tower_svix_tests::net::{Delivery, layer};

use super::frames::{self, data};
use super::target::Target;

const BODY: &str = "a body of some length";
const CHUNKED: &str = "transfer-encoding: chunked\r\n";

/// The part of a delivery over HTTP/1.1 that arrives before it stalls.
const STALLED: [(&str, &str); 5] = [
    ("content-length: 21\r\n", ""),
    ("content-length: 21\r\n", "a body of"),
    (CHUNKED, ""),
    (CHUNKED, "15\r\na body of"),
    (CHUNKED, "15\r\na body of some length\r\n"),
];

const STREAMS_PER_CONNECTION: usize = 100;

/// Uploads that stall until this is dropped.
struct Stalled {
    http1: Vec<http1::Connection>,
    http2: Vec<frames::Connection>,
}

impl Stalled {
    /// Starts this number over HTTP/1.1, each on its own connection, and this number of full connections over HTTP/2.
    async fn start(target: &Target, http1: usize, http2: usize) -> Self {
        let delivery = Delivery::genuine("msg_stalled", BODY);
        let mut stalled = Self {
            http1: Vec::new(),
            http2: Vec::new(),
        };
        for number in 0..http1 {
            let (framing, start) = STALLED[number % STALLED.len()];
            let mut connection = http1::Connection::open(target.address).await;
            connection.write(head(&delivery, framing)).await;
            connection.write(start).await;
            stalled.http1.push(connection);
        }
        for _ in 0..http2 {
            let mut connection = frames::Connection::open(target.address, &[]).await;
            for number in 0..STREAMS_PER_CONNECTION {
                let stream = stream_id(number);
                connection.write(frames::head(stream, &delivery)).await;
                let start = &BODY.as_bytes()[..number % (BODY.len() + 1)];
                connection.write(data(stream, start)).await;
            }
            connection.settle().await;
            stalled.http2.push(connection);
        }
        let all = http1 + http2 * STREAMS_PER_CONNECTION;
        target.requests_until(|seen| seen.held == all).await;
        stalled
    }
}

fn stream_id(number: usize) -> u32 {
    u32::try_from(number * 2 + 1).unwrap()
}

#[tokio::test]
async fn genuine_deliveries_are_answered_while_a_thousand_uploads_are_stalled() {
    let target = Target::start().await;
    genuine_deliveries_are_answered_meanwhile(&target).await;
}

#[tokio::test]
async fn a_thousand_stalled_uploads_do_not_hold_the_only_permit_of_the_handler() {
    let target = Target::start_with_one_permit().await;
    genuine_deliveries_are_answered_meanwhile(&target).await;
}

async fn genuine_deliveries_are_answered_meanwhile(target: &Target) {
    let stalled = Stalled::start(target, 100, 9).await;

    for number in 0..10 {
        let delivery = Delivery::genuine(&format!("msg_{number}"), BODY);
        let mut connection = http1::Connection::open(target.address).await;
        assert_eq!(connection.post(&delivery).await.status, 200);
        target.assert_received(&[&delivery]);

        let mut connection = frames::Connection::open(target.address, &[]).await;
        let answer = connection.post(1, &delivery).await;
        assert_eq!(answer, frames::Answer::Status(200));
        target.assert_received(&[&delivery]);
    }
    assert_eq!(target.requests().held, 1_000, "all of them are still there");

    drop(stalled);
    target.holds_nothing().await;
    target.assert_received(&[]);
}

#[tokio::test]
async fn genuine_deliveries_share_a_connection_with_stalled_ones() {
    let target = Target::start().await;
    let mut stalled = Stalled::start(&target, 0, 1).await;
    let connection = &mut stalled.http2[0];
    for number in 0..10 {
        let delivery = Delivery::genuine(&format!("msg_{number}"), BODY);
        let stream = stream_id(STREAMS_PER_CONNECTION + number);
        let answer = connection.post(stream, &delivery).await;
        assert_eq!(answer, frames::Answer::Status(200));
        target.assert_received(&[&delivery]);
    }
    assert_eq!(target.requests().held, STREAMS_PER_CONNECTION);
}

#[tokio::test]
async fn stalled_uploads_that_time_out_are_answered_and_freed() {
    let target = Target::start_with(|recorder| {
        let timeout =
            TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(1));
        ServiceBuilder::new()
            .layer(timeout)
            .layer(layer())
            .service(recorder)
    })
    .await;
    let delivery = Delivery::genuine("msg_stalled", BODY);
    let mut connections = Vec::new();
    for (framing, start) in STALLED {
        let mut connection = http1::Connection::open(target.address).await;
        connection.write(head(&delivery, framing)).await;
        connection.write(start).await;
        connections.push(connection);
    }
    for mut connection in connections {
        let rest = connection.rest().await;
        assert!(rest.starts_with("HTTP/1.1 503 "), "{rest}");
    }
    target.holds_nothing().await;
    assert_eq!(target.requests().paths.len(), STALLED.len());
    target.assert_received(&[]);
}
