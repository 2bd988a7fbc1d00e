//! A receiver dies in its handler, or fails late. In the end, the event is processed, even if the sender takes every
//! response except a 5xx as final.
//!
//! `programs/crash_receiver.rs` is the receiver.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use http::StatusCode;
use tower_svix_tests::faketime::set_clock;
use tower_svix_tests::net::Delivery;
use tower_svix_tests::process::{Server, Signal};
use tower_svix_tests::redis_server::RedisServer;
use tower_svix_tests::strict_sender::Verdict;

const LEASE: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(30);

#[test]
fn an_event_survives_a_death_before_its_effect() {
    an_event_survives_the_death_of_its_receiver("before", 1);
}

/// Two effects are documented for a handler that does not record its effect together with the completion.
#[test]
fn an_event_survives_a_death_after_its_effect() {
    an_event_survives_the_death_of_its_receiver("after", 2);
}

/// Kills a receiver that stalls `stall` its effect, and expects this number of effects in the end.
fn an_event_survives_the_death_of_its_receiver(stall: &str, effects: usize) {
    let redis = RedisServer::start();
    let file = file(&format!("effects-{stall}"));
    let count = || fs::read_to_string(&file).map_or(0, |lines| lines.lines().count());

    let mut doomed = start(&redis, &file, Some(stall));
    let claimed_after = Instant::now();
    let mut lost = doomed.connect();
    send(&mut lost);
    doomed.line("in the handler");
    doomed.signal(Signal::KILL);
    doomed.wait(TIMEOUT).expect("it is dead");
    let mut answer = Vec::new();
    let _ = lost.read_to_end(&mut answer);
    assert!(answer.is_empty(), "nothing was acknowledged");
    assert_eq!(count(), effects - 1);

    let successor = start(&redis, &file, None);
    deliver_until_processed(&successor, |_| {
        assert_eq!(count(), effects - 1, "nothing happens within the lease");
    });
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

/// Two receivers share the store. The sender stops waiting for one, which continues, and asks the other.
#[test]
fn an_event_survives_a_first_attempt_that_fails_after_the_second_was_answered() {
    let redis = RedisServer::start();
    let (effects, fail) = (file("effects-late"), file("fail-late"));
    let count = || fs::read_to_string(&effects).map_or(0, |lines| lines.lines().count());
    let slow = start_failing(&redis, &effects, &fail);
    let other = start(&redis, &effects, None);

    let mut first = slow.connect();
    send(&mut first);
    slow.line("in the handler");
    for _ in 0..3 {
        let answer = deliver(&other);
        let verdict = Verdict::on(status(&answer));
        assert_eq!(verdict, Verdict::Again, "{answer}");
        assert!(answer.contains("retry-after: "), "{answer}");
        assert_eq!(count(), 0);
    }

    fs::write(&fail, "").unwrap();
    let mut answer = String::new();
    first.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    // The claim is released by then, so the lease does not matter.
    let answer = deliver(&other);
    assert_eq!(Verdict::on(status(&answer)), Verdict::Delivered, "{answer}");
    assert!(!answer.contains("idempotency-replayed"), "{answer}");
    assert_eq!(count(), 1);
    fs::remove_file(&effects).unwrap();
    fs::remove_file(&fail).unwrap();
}

/// Only Redis measures a lease. The clocks of the two receivers are eight minutes apart, both within the tolerance of
/// the delivery.
#[test]
fn a_lease_takes_its_time_whatever_the_clocks_of_the_receivers_show() {
    for (claims, waits) in [("-240s", "+240s"), ("+240s", "-240s")] {
        let redis = RedisServer::start();
        let effects = file(&format!("effects{claims}"));
        let start = |clock, stall| {
            let mut command = receiver(&redis, &effects);
            Server::start(set_clock(&mut command, clock).env("STALL", stall))
        };
        let answer = deliver(&start("+400s", ""));
        assert!(
            answer.starts_with("HTTP/1.1 401"),
            "its clock counts: {answer}"
        );
        let (mut doomed, successor) = (start(claims, "before"), start(waits, ""));
        let claimed_after = Instant::now();
        let mut lost = doomed.connect();
        send(&mut lost);
        doomed.line("in the handler");
        doomed.signal(Signal::KILL);
        doomed.wait(TIMEOUT).expect("it is dead");

        let longest = LEASE.as_secs();
        deliver_until_processed(&successor, |answer| {
            let (_, rest) = answer.split_once("retry-after: ").unwrap();
            let seconds: u64 = rest.lines().next().unwrap().parse().unwrap();
            assert!(seconds <= longest, "{claims}: {answer}");
        });
        assert!(
            claimed_after.elapsed() >= LEASE,
            "{claims}: not before the lease has passed"
        );
        fs::remove_file(&effects).unwrap();
    }
}

/// Acts as a sender that gives up after any response except a 5xx.
fn deliver_until_processed(receiver: &Server, after_each_failure: impl Fn(&str)) {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let answer = deliver(receiver);
        match Verdict::on(status(&answer)) {
            Verdict::Delivered => {
                assert!(!answer.contains("idempotency-replayed"), "{answer}");
                return;
            }
            Verdict::Again => assert!(answer.contains("retry-after: "), "{answer}"),
            Verdict::GivenUp => panic!("the event is lost: {answer}"),
        }
        after_each_failure(&answer);
        assert!(Instant::now() < deadline, "{answer}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Returns `None` if there was no response.
fn status(answer: &str) -> Option<StatusCode> {
    let rest = answer.strip_prefix("HTTP/1.1 ")?;
    Some(rest.get(..3)?.parse().unwrap())
}

/// Returns the path of a file that does not exist yet.
fn file(name: &str) -> PathBuf {
    let path =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_file(&path);
    path
}

fn start_failing(redis: &RedisServer, effects: &Path, fail: &Path) -> Server {
    Server::start(
        receiver(redis, effects)
            .env("STALL", "until told to fail")
            .env("FAIL", fail),
    )
}

fn receiver(redis: &RedisServer, effects: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crash_receiver"));
    command
        .env("REDIS_URL", redis.url())
        .env("LEASE_SECONDS", LEASE.as_secs().to_string())
        .env("EFFECTS", effects);
    command
}

fn start(redis: &RedisServer, effects: &Path, stall: Option<&str>) -> Server {
    let mut command = receiver(redis, effects);
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
