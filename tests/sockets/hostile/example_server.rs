//! The limits of the example for production, because people copy it.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tower_svix_tests::http1::{Connection, head};
use tower_svix_tests::net::{Delivery, SECRET, TIMEOUT, within};
use tower_svix_tests::process::{Server, Signal, program};

const MAX_CONNECTIONS: usize = 512;
const BODY_LIMIT: usize = 1024 * 1024;
const MEMORY_LIMIT: usize = 128 * BODY_LIMIT;
const BODY: &str = "a body of some length";
const LENGTH: &str = "content-length: 21\r\n";
const EXPECT: &str = "content-length: 21\r\nexpect: 100-continue\r\n";
const CHUNKED: &str = "transfer-encoding: chunked\r\n";

fn server() -> Server {
    Server::start(program("production").env("WEBHOOK_SECRET", SECRET))
}

async fn assert_answers(server: &Server, id: &str) {
    let mut connection = Connection::open(server.address).await;
    let delivery = Delivery::genuine(id, BODY);
    assert_eq!(connection.post(&delivery).await.status, 200);
}

#[tokio::test]
async fn peers_that_are_slow_are_ended() {
    let server = server();
    let delivery = Delivery::genuine("msg_slow", BODY);
    let start = "POST /webhook HTTP/1.1\r\nhost: localhost\r\n";
    let idle = "GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let rows = [
        ("silent", String::new(), "", ""),
        ("a head that stalls", start.into(), "", ""),
        ("a head that trickles", start.into(), "x: y\r\n", ""),
        ("no further request", idle.into(), "", "HTTP/1.1 200"),
        (
            "a body that stalls",
            head(&delivery, LENGTH),
            "",
            "HTTP/1.1 503",
        ),
        (
            "a body that trickles",
            head(&delivery, CHUNKED),
            "1\r\nx\r\n",
            "HTTP/1.1 503",
        ),
    ];
    let slow = rows.map(|(name, start, drop, answer)| async move {
        let said = timeout(TIMEOUT, said_to_slow(server.address, &start, drop)).await;
        let said = said.unwrap_or_else(|_| panic!("{name}: it goes on"));
        assert!(said.starts_with(answer), "{name}: {said}");
        // Some senders retry a 503 only if it has `Retry-After`.
        let asks = said.contains("\r\nretry-after: 30\r\n");
        assert_eq!(asks, answer.ends_with("503"), "{name}: {said}");
    });
    let unread = timeout(TIMEOUT, outlast_who_does_not_read(server.address));
    let (_, unread) = tokio::join!(join_all(slow), unread);
    unread.expect("a client that does not read is ended");
    assert_answers(&server, "msg_1").await;
}

/// Sends `start`, then `drop` again and again. Returns what the server sent until it ended the connection.
async fn said_to_slow(server: SocketAddr, start: &str, drop: &str) -> String {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    writer.write_all(start.as_bytes()).await.unwrap();
    let trickle = async {
        loop {
            sleep(Duration::from_millis(500)).await;
            let _ = writer.write_all(drop.as_bytes()).await;
        }
    };
    let mut said = Vec::new();
    tokio::select! {
        // A reset ends the connection, too.
        _ = reader.read_to_end(&mut said) => {}
        () = trickle => {}
    }
    String::from_utf8(said).unwrap()
}

/// Sends requests and reads nothing. The server first stops reading, and must then end the connection.
async fn outlast_who_does_not_read(server: SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(server).await.unwrap();
    let requests = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100);
    while stream.write_all(requests.as_bytes()).await.is_ok() {}
}

#[tokio::test]
async fn a_full_server_takes_a_connection_once_it_has_ended_a_stalled_one() {
    let server = server();
    let delivery = Delivery::genuine("msg_stalled", BODY);
    let mut stalled = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut connection = Connection::open(server.address).await;
        connection.write(head(&delivery, EXPECT)).await;
        assert_eq!(connection.answer().await.status, 100);
        stalled.push(connection);
    }
    assert_answers(&server, "msg_1").await;
    assert!(
        stalled.iter().any(Connection::has_more),
        "one was ended before"
    );
}

#[tokio::test]
async fn uploads_that_claim_all_memory_make_others_come_again() {
    let server = server();
    let delivery = Delivery::genuine("msg_stalled", BODY);
    let claim = format!("content-length: {BODY_LIMIT}\r\nexpect: 100-continue\r\n");
    let mut stalled = Vec::new();
    for _ in 0..MEMORY_LIMIT / BODY_LIMIT {
        let mut connection = Connection::open(server.address).await;
        connection.write(head(&delivery, &claim)).await;
        assert_eq!(connection.answer().await.status, 100);
        stalled.push(connection);
    }
    let mut connection = Connection::open(server.address).await;
    let answer = connection.post(&Delivery::genuine("msg_1", BODY)).await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("memory-exhausted"), "{}", answer.body);

    drop(stalled);
    within(async {
        let delivery = Delivery::genuine("msg_1", BODY);
        let post = async || {
            let mut connection = Connection::open(server.address).await;
            connection.post(&delivery).await.status
        };
        while post().await == 503 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_answers(&server, "msg_2").await;
}

#[tokio::test]
async fn what_is_too_large_is_rejected() {
    let server = server();
    let length = format!("content-length: {}\r\n", BODY_LIMIT + 1);
    let delivery = Delivery::genuine("msg_large", "");
    for (name, request, status) in [
        ("101 headers", head(&delivery, &"x: y\r\n".repeat(97)), 431),
        (
            "a long head",
            head(&delivery, &format!("x: {}\r\n", "y".repeat(256 * 1024))),
            431,
        ),
        ("a long body", head(&delivery, &length), 413),
        (
            "a long chunked body",
            head(&delivery, CHUNKED) + "100001\r\n" + &"x".repeat(BODY_LIMIT + 1),
            413,
        ),
    ] {
        let mut connection = Connection::open(server.address).await;
        connection.try_write(request).await;
        assert_eq!(connection.answer().await.status, status, "{name}");
    }
    assert_answers(&server, "msg_1").await;
}

#[tokio::test]
async fn a_delivery_at_hand_is_answered_though_the_server_is_told_to_stop() {
    let mut server = server();
    let delivery = Delivery::genuine("msg_1", BODY);
    let mut connection = Connection::open(server.address).await;
    connection.write(head(&delivery, EXPECT)).await;
    assert_eq!(connection.answer().await.status, 100);
    server.signal(Signal::TERM);
    within(async {
        // Until it accepts no more connections.
        while TcpStream::connect(server.address).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    connection.write(BODY).await;
    assert_eq!(connection.answer().await.status, 200);
    let status = server.wait(TIMEOUT).unwrap();
    assert_eq!(status.code(), Some(0));
}
