//! A receiver dies in its handler: the event is processed after the lease, and never lost.
//!
//! `programs/crash_receiver.rs` is the receiver that is killed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tower_svix_tests::net::Delivery;
use tower_svix_tests::process::{Server, Signal};
use tower_svix_tests::redis_server::RedisServer;

const LEASE: Duration = Duration::from_secs(2);
const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn an_event_survives_a_death_before_its_effect() {
    an_event_survives_the_death_of_its_receiver("before", 1);
}

/// Twice is what is documented for a handler that does not join its effect with the completion.
#[test]
fn an_event_survives_a_death_after_its_effect() {
    an_event_survives_the_death_of_its_receiver("after", 2);
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
    doomed.signal(Signal::KILL);
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
    let mut command = Command::new(env!("CARGO_BIN_EXE_crash_receiver"));
    command
        .env("REDIS_URL", redis.url())
        .env("LEASE_SECONDS", LEASE.as_secs().to_string())
        .env("EFFECTS", effects);
    if let Some(stall) = stall {
        command.env("STALL", stall);
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
