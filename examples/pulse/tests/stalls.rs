//! Clients that stop in the middle of a request.

mod support;

use std::time::Duration;

use pulse_flow::fake::sign;
use pulse_flow::{inbox, server};
use sqlx::SqlitePool;
use support::{Flow, SECRET};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tower_svix::Secret;

/// Returns a delivery whose body stops after one of its two bytes.
fn upload() -> String {
    let headers = sign(SECRET, "msg_1", "{}");
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    let headers = headers.join("\r\n");
    format!("POST /webhook HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n{headers}\r\n\r\n{{")
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_stalls_is_given_up() {
    let pool = SqlitePool::connect_lazy("sqlite::memory:").unwrap();
    let routes = server::receiver(SECRET.parse::<Secret>().unwrap(), inbox::open(pool));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(upload().as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(client.read_u8().await.unwrap());
        }
    };
    // The clock is paused, so this takes no real time.
    let read = tokio::time::timeout(Duration::from_mins(1), read).await;
    read.expect("there is an answer");

    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("\r\nretry-after: 30\r\n"), "{answer}");
}

#[tokio::test]
async fn clients_that_stall_do_not_keep_the_receiver_from_stopping() {
    let flow = Flow::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async move { stopped.await.unwrap() };
    let server = tokio::spawn(flow.app().await.run(listener, shutdown));

    let mut clients = Vec::new();
    for text in [upload(), "POST /webhook HTTP/1.1\r\nhost: ".to_owned()] {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(text.as_bytes()).await.unwrap();
        clients.push(client);
    }
    // The server accepts connections in order. Once it answers this one, it has accepted the others.
    reqwest::get(format!("http://{address}")).await.unwrap();
    stop.send(()).unwrap();

    let ended = tokio::time::timeout(Duration::from_mins(1), server).await;
    ended.expect("the receiver stops").unwrap().unwrap();
}
