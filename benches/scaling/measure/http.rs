//! What an axum server works for a request that it does not verify, its kernel's part included.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::sync::oneshot;

use crate::event;
use crate::{cpu_nanos, median};

const CONNECTIONS: usize = 32;
const ROUNDS: usize = 20;
const REQUESTS_OF_A_CONNECTION: usize = 100;

/// Nanoseconds for one request with a body of about `len` bytes.
pub(crate) fn nanos(len: usize) -> u64 {
    let body = event::text(len);
    // With the headers of a delivery, which the server parses too.
    let request = format!(
        "POST /webhook HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         user-agent: Svix-Webhooks/1.62.0\r\nwebhook-id: msg_2KWPBgLlAfxdpx2AI54pPJ85f4W\r\n\
         webhook-timestamp: 1674087231\r\n\
         webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    median((0..ROUNDS).map(|_| round(request.as_bytes())).collect())
}

fn round(request: &[u8]) -> u64 {
    let (address_sender, address) = mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let server = thread::spawn(move || serve(&address_sender, stopped));
    deliver(address.recv().unwrap(), request);
    stop.send(()).unwrap();
    server.join().unwrap() / (CONNECTIONS * REQUESTS_OF_A_CONNECTION) as u64
}

/// Serves on this thread alone, and returns how long it ran.
fn serve(address: &mpsc::Sender<SocketAddr>, stopped: oneshot::Receiver<()>) -> u64 {
    let app = Router::new().route("/webhook", post(|_: Bytes| async { StatusCode::OK }));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let start = cpu_nanos();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        address.send(listener.local_addr().unwrap()).unwrap();
        let stopped = async { stopped.await.unwrap() };
        axum::serve(listener, app)
            .with_graceful_shutdown(stopped)
            .await
            .unwrap();
    });
    cpu_nanos() - start
}

/// Keeps all connections busy.
fn deliver(address: SocketAddr, request: &[u8]) {
    let mut connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let connection = TcpStream::connect(address).unwrap();
            connection.set_nodelay(true).unwrap();
            connection
        })
        .collect();
    for _ in 0..REQUESTS_OF_A_CONNECTION {
        for connection in &mut connections {
            connection.write_all(request).unwrap();
        }
        for connection in &mut connections {
            answer(connection);
        }
    }
}

/// An answer has no body.
fn answer(connection: &mut TcpStream) {
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        let read = connection.read(&mut part).unwrap();
        assert_ne!(read, 0, "the server closed the connection");
        head.extend_from_slice(&part[..read]);
    }
    assert!(head.starts_with(b"HTTP/1.1 200 "));
}
