//! A receiver dies in its handler: the event is processed after the lease, and never lost.
//!
//! This file is two programs: the test, and the receiver that it kills. So it brings its own `main`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/net.rs"]
mod net;
#[path = "support/process.rs"]
mod process;
#[path = "support/redis.rs"]
mod redis_server;

use std::env;
use std::fs::{self, OpenOptions};
use std::future::pending;
use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use axum::routing::post;
use axum::{Extension, Router};
use tokio::net::TcpListener;
use tower_svix::idempotency::RedisStore;
use tower_svix::{IdempotencyLayer, VerifiedEvent};

use self::net::Delivery;
use self::process::Server;
use self::redis_server::RedisServer;

const LEASE: Duration = Duration::from_secs(2);
const DEADLINE: Duration = Duration::from_secs(30);

// What the receiver is told.
const REDIS: &str = "TEST_REDIS";
const EFFECTS: &str = "TEST_EFFECTS";
const STALL: &str = "TEST_STALL";

fn main() {
    match env::var(REDIS) {
        Ok(redis) => receive(&redis),
        Err(_) => {
            for (stall, effects) in [("before", 1), ("after", 2)] {
                an_event_survives_the_death_of_its_receiver(stall, effects);
                println!("killed {stall} the effect: {effects} in the end, as documented");
            }
        }
    }
}

/// Kills a receiver that stalls `stall` its effect, and expects so many effects in the end.
fn an_event_survives_the_death_of_its_receiver(stall: &str, effects: usize) {
    let redis = RedisServer::start();
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("effects-{}-{stall}", std::process::id()));
    let _ = fs::remove_file(&file);
    let count = || fs::read_to_string(&file).map_or(0, |lines| lines.lines().count());

    let mut doomed = start(&redis, &file, Some(stall));
    let claimed_after = Instant::now();
    let mut lost = doomed.connect();
    send(&mut lost);
    doomed.line("in the handler");
    doomed.signal("KILL");
    doomed.wait(DEADLINE).expect("it is dead");
    let mut answer = Vec::new();
    let _ = lost.read_to_end(&mut answer);
    assert!(answer.is_empty(), "nothing was acknowledged");
    assert_eq!(count(), effects - 1);

    let successor = start(&redis, &file, None);
    let deadline = Instant::now() + DEADLINE;
    loop {
        let answer = deliver(&successor);
        if answer.starts_with("HTTP/1.1 200") {
            assert!(!answer.contains("idempotency-replayed"), "{answer}");
            break;
        }
        assert!(answer.starts_with("HTTP/1.1 409"), "{answer}");
        assert!(answer.contains("retry-after: "), "{answer}");
        assert_eq!(count(), effects - 1, "nothing happens within the lease");
        assert!(Instant::now() < deadline, "{answer}");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(
        claimed_after.elapsed() >= LEASE,
        "not before the lease has passed"
    );
    assert_eq!(count(), effects);

    let answer = deliver(&successor);
    assert!(answer.contains("idempotency-replayed: true"), "{answer}");
    assert_eq!(count(), effects);
    fs::remove_file(&file).unwrap();
}

fn start(redis: &RedisServer, effects: &Path, stall: Option<&str>) -> Server {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(REDIS, redis.url()).env(EFFECTS, effects);
    if let Some(stall) = stall {
        command.env(STALL, stall);
    }
    Server::start(&mut command)
}

fn deliver(server: &Server) -> String {
    let mut stream = server.connect();
    send(&mut stream);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn send(stream: &mut impl std::io::Write) {
    let delivery = Delivery::genuine("msg_1", "{}");
    let mut request = String::from(
        "POST /webhook HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n",
    );
    for (name, value) in &delivery.headers() {
        request.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
    }
    request += "\r\n{}";
    stream.write_all(request.as_bytes()).unwrap();
}

/// The receiver. Its effect is a line in a file.
#[tokio::main]
async fn receive(redis: &str) {
    let client = redis::Client::open(redis).unwrap();
    let connection = client.get_connection_manager().await.unwrap();
    let router = Router::new()
        .route("/webhook", post(handle))
        .layer(IdempotencyLayer::new(RedisStore::new(connection, "webhook:")).lease(LEASE))
        .layer(net::layer());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

async fn handle(Extension(event): Extension<VerifiedEvent>) {
    let stall = env::var(STALL).unwrap_or_default();
    if stall == "before" {
        println!("in the handler");
        pending::<()>().await;
    }
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(env::var(EFFECTS).unwrap())
        .unwrap();
    writeln!(file, "{}", event.id()).unwrap();
    if stall == "after" {
        println!("in the handler");
        pending::<()>().await;
    }
}
