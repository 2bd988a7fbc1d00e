//! A receiver behind nginx and HAProxy: what the sender sees, what the receiver sees, and how often an event is
//! processed.
//!
//! `docs/PROXIES.md` has a row for each test, and shows the configurations that the tests use.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod proxy;
mod receiver;

mod bodies;
mod failures;
mod headers;
mod page;
mod retries;
mod versions;

use std::net::SocketAddr;

use tokio::net::TcpSocket;
use tower_svix_tests::http1::{Connection, head};
use tower_svix_tests::net::Delivery;

/// Sends the delivery on a new connection, and returns the status.
async fn post(address: SocketAddr, delivery: &Delivery) -> u16 {
    let mut connection = Connection::open(address).await;
    connection.post(delivery).await.status
}

/// Sends the delivery on a new connection, and returns the whole response in lower case.
async fn said_to(address: SocketAddr, delivery: &Delivery) -> String {
    let mut connection = Connection::open(address).await;
    let more = format!(
        "connection: close\r\ncontent-length: {}\r\n",
        delivery.body.len()
    );
    connection.write(head(delivery, &more)).await;
    connection.try_write(&delivery.body).await;
    connection.rest().await.to_lowercase()
}

/// Returns an address on which nobody listens, and a socket that keeps others from it.
fn away() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn genuine(id: &str) -> Delivery {
    Delivery::genuine(id, r#"{"type":"job.completed"}"#)
}
