//! The examples, run as processes, do what they document.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tower_svix_tests::http2;
use tower_svix_tests::net::{Delivery, SECRET};
use tower_svix_tests::process::{Server, Signal, cargo, example, program, send, text, webhook};
use tower_svix_tests::redis_server::RedisServer;

const OTHER_SECRET: &str = concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

fn server() -> Server {
    Server::start(example("server").env("WEBHOOK_SECRET", SECRET))
}

fn production() -> Server {
    Server::start(program("production").env("WEBHOOK_SECRET", SECRET))
}

/// Returns the small receiver and the one for production, which have the same routes and variables.
fn receivers() -> [Command; 2] {
    [example("server"), program("production")]
}

/// Sends to the server with the right secret. Returns the exit code and the output.
fn deliver(server: &Server, more: &[&str]) -> (Option<i32>, String) {
    let url = server.url("/webhook");
    let output = send(&[&["--url", &url, "--secret", SECRET], more].concat());
    (output.status.code(), text(&output.stdout))
}

#[test]
fn deliveries_are_accepted_and_listed() {
    accepts_and_lists_deliveries(&server());
    accepts_and_lists_deliveries(&production());
}

fn accepts_and_lists_deliveries(server: &Server) {
    for (id, line) in [
        ("msg_1", "event "),
        ("msg_2", "event "),
        ("msg_1", "duplicate "),
    ] {
        let (code, output) = deliver(server, &["--id", id]);
        assert_eq!(code, Some(0), "{output}");
        assert!(output.starts_with("200 OK\n"), "{output}");
        assert!(server.line(line).contains(id));
    }

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut events = server.get_json("/events");
    for event in events.as_array_mut().unwrap() {
        let timestamp = event["timestamp"].take().as_u64().unwrap();
        assert!(timestamp.abs_diff(now.as_secs()) < 300, "{timestamp}");
    }
    let expected = json!([
        {"id": "msg_1", "type": "job.completed", "timestamp": null, "count": 1, "duplicates": 1},
        {"id": "msg_2", "type": "job.completed", "timestamp": null, "count": 1, "duplicates": 0},
    ]);
    assert_eq!(events, expected);
}

#[test]
fn the_numbers_are_there_for_prometheus() {
    let server = production();
    assert_eq!(deliver(&server, &["--id", "msg_1"]).0, Some(0));
    assert_eq!(deliver(&server, &["--id", "msg_1"]).0, Some(0));
    assert_eq!(deliver(&server, &["--tamper"]).0, Some(1));
    let metrics = server.get("/metrics");
    for line in [
        r#"webhook_deliveries_total{outcome="verified"} 2"#,
        r#"webhook_deliveries_total{outcome="signature-mismatch"} 1"#,
        r#"webhook_idempotency_total{outcome="processed"} 1"#,
        r#"webhook_idempotency_total{outcome="replayed"} 1"#,
        "webhook_body_bytes_count 2",
        "webhook_verification_seconds_count 2",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}: {metrics}"
        );
    }
}

#[test]
fn servers_that_share_a_redis_process_an_event_once() {
    let redis = RedisServer::start();
    let start = || {
        let mut server = program("production");
        server.env("WEBHOOK_SECRET", SECRET);
        Server::start(server.env("REDIS_URL", redis.url()))
    };
    let servers = [start(), start()];
    assert_eq!(deliver(&servers[0], &["--id", "msg_1"]).0, Some(0));
    assert_eq!(deliver(&servers[1], &["--id", "msg_1"]).0, Some(0));
    servers[1].line("duplicate msg_1 (of an earlier run or another server)");
    assert_eq!(servers[0].get_json("/events")[0]["count"], 1);
    assert_eq!(servers[1].get_json("/events"), json!([]));
    // It remembers events across a restart.
    drop(servers);
    let server = start();
    assert_eq!(deliver(&server, &["--id", "msg_1"]).0, Some(0));
    server.line("duplicate msg_1");
}

#[test]
fn each_rejection_is_shown_to_the_sender_and_printed() {
    shows_and_prints_rejections(&server());
    shows_and_prints_rejections(&production());
}

fn shows_and_prints_rejections(server: &Server) {
    for (args, cause) in [
        (&["--tamper"][..], "signature-mismatch"),
        (&["--age", "600"], "timestamp-too-old"),
        (&["--age", "-600"], "timestamp-too-new"),
    ] {
        let (code, output) = deliver(server, args);
        assert_eq!(code, Some(1), "{cause}: {output}");
        assert!(output.starts_with("401 Unauthorized\n"), "{output}");
        assert!(output.contains(cause), "{output}");
        assert!(server.line("rejected ").contains(cause));
    }
    let output = send(&["--url", &server.url("/webhook"), "--secret", OTHER_SECRET]);
    assert!(text(&output.stdout).contains("signature-mismatch"));
    assert_eq!(server.get_json("/events"), json!([]));
}

#[test]
fn any_type_and_any_body_can_be_sent() {
    let server = server();
    let types = [
        "job.created",
        "job.processing",
        "job.completed",
        "job.failed",
        "job.cancelled",
        "of \"another\" kind\n",
    ];
    for event_type in types {
        let (code, output) = deliver(&server, &["--type", event_type]);
        assert_eq!(code, Some(0), "{event_type}: {output}");
    }

    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    assert_eq!(deliver(&server, &["--body", file]).0, Some(0));

    let url = server.url("/webhook");
    let mut piped = webhook()
        .args(["send", "--url", &url, "--secret", SECRET, "--body", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = piped.stdin.take().unwrap();
    stdin.write_all(br#"{"type": "piped"}"#).unwrap();
    drop(stdin);
    assert!(piped.wait().unwrap().success());

    let events = server.get_json("/events");
    let received: Vec<_> = events.as_array().unwrap().iter().collect();
    let received: Vec<_> = received
        .iter()
        .map(|event| event["type"].as_str())
        .collect();
    let expected: Vec<_> = types
        .into_iter()
        .map(Some)
        .chain([None, Some("piped")])
        .collect();
    assert_eq!(received, expected);
}

#[test]
fn without_a_secret_the_printed_command_delivers_an_event() {
    for mut receiver in receivers() {
        let server = Server::start(&mut receiver);
        let command = server.line("cargo run ");
        let args: Vec<_> = command.split_whitespace().skip(1).collect();
        let output = cargo().args(args).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).starts_with("200 OK\n"));
        server.line("event job.completed");
    }
}

#[test]
fn without_a_secret_it_serves_on_a_loopback_address_only() {
    for mut receiver in receivers() {
        let mut server = receiver
            .env("LISTEN", "0.0.0.0:0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = server.stdout.as_mut().unwrap().read(&mut [0]).unwrap();
        if said > 0 {
            server.kill().unwrap();
        }
        let output = server.wait_with_output().unwrap();
        assert_eq!(said, 0, "it serves");
        assert_eq!(output.status.code(), Some(1));
        let errors = text(&output.stderr);
        assert!(errors.contains("WEBHOOK_SECRET is not set"), "{errors}");
    }
}

#[test]
fn each_of_several_secrets_is_taken() {
    let secrets = format!(" {SECRET}\n{OTHER_SECRET} ");
    for mut receiver in receivers() {
        let server = Server::start(receiver.env("WEBHOOK_SECRET", &secrets));
        for secret in [SECRET, OTHER_SECRET] {
            let output = send(&["--url", &server.url("/webhook"), "--secret", secret]);
            assert!(output.status.success(), "{}", text(&output.stdout));
        }
    }
}

#[test]
fn a_bad_secret_is_an_error_that_does_not_repeat_it() {
    for (name, secrets) in [
        ("not base64", "whsec_not/base64!"),
        ("a public key", "whpk_MCowBQYDK2VwAyEA"),
        (
            "second of two",
            concat!("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", " %%%"),
        ),
        ("empty", ""),
        ("blank", " \n"),
    ] {
        for mut receiver in receivers() {
            let output = receiver.env("WEBHOOK_SECRET", secrets).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{name}");
            let errors = text(&output.stderr);
            assert!(errors.contains("WEBHOOK_SECRET"), "{name}: {errors}");
            for secret in secrets.split_whitespace() {
                let key = secret.split_once('_').map_or(secret, |(_, key)| key);
                assert!(!errors.contains(key), "{name}: {errors}");
            }
            assert_eq!(text(&output.stdout), "", "{name}");
        }
    }

    let output = send(&["--url", "http://127.0.0.1:1/", "--secret", "whsec_b%d"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!text(&output.stderr).contains("b%d"));
}

#[cfg(unix)]
#[test]
fn a_signal_stops_the_server_though_connections_are_stalled() {
    let stopped = [Signal::TERM, Signal::INT].map(|signal| {
        let server = production();
        let silent = server.connect();
        let mut idle = server.connect();
        idle.write_all(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .unwrap();
        idle.read_exact(&mut [0; 12]).unwrap();
        let mut in_the_head = server.connect();
        in_the_head.write_all(b"POST /webhook HT").unwrap();
        let mut in_the_body = server.connect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let signature = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        write!(
            in_the_body,
            "POST /webhook HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\nsvix-id: msg_1\r\n\
             svix-timestamp: {}\r\nsvix-signature: {signature}\r\nexpect: 100-continue\r\n\r\n",
            now.as_secs()
        )
        .unwrap();
        // From here on, the server waits for the body.
        let mut status = [0; 12];
        in_the_body.read_exact(&mut status).unwrap();
        assert_eq!(text(&status), "HTTP/1.1 100");

        server.signal(signal);
        (signal, server, in_the_body, [silent, idle, in_the_head])
    });
    for (signal, mut server, mut in_the_body, _others) in stopped {
        let status = server.wait(Duration::from_secs(30));
        assert_eq!(
            status.and_then(|status| status.code()),
            Some(0),
            "{signal:?}"
        );
        // A request that exceeds its time is answered with 503.
        let mut answer = Vec::new();
        let _ = in_the_body.read_to_end(&mut answer);
        assert!(
            !text(&answer).contains("503"),
            "{signal:?}: it was waited for"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_signal_stops_the_small_server_though_connections_are_idle() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = server();
        let mut idle = server.connect();
        idle.write_all(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .unwrap();
        idle.read_exact(&mut [0; 12]).unwrap();
        assert_eq!(deliver(&server, &[]).0, Some(0));
        server.signal(signal);
        let status = server.wait(Duration::from_secs(30));
        assert_eq!(
            status.and_then(|status| status.code()),
            Some(0),
            "{signal:?}"
        );
    }
}

#[test]
fn the_server_remembers_the_latest_events_only() {
    let server = production();
    assert_eq!(deliver(&server, &["--id", "msg_first"]).0, Some(0));
    let (code, output) = deliver(&server, &["--count", "10000", "--concurrency", "8"]);
    assert_eq!(code, Some(0), "{output}");
    assert_eq!(deliver(&server, &["--id", "msg_last"]).0, Some(0));
    assert_eq!(deliver(&server, &["--id", "msg_last"]).0, Some(0));

    let events = server.get_json("/events");
    let events = events.as_array().unwrap();
    assert_eq!(events.len(), 10_000);
    assert!(events.iter().all(|event| event["id"] != "msg_first"));
    assert_eq!(events[9_999]["id"], "msg_last");
    assert_eq!(events[9_999]["count"], 1);
    assert_eq!(events[9_999]["duplicates"], 1);
}

#[test]
fn a_measurement_shows_throughput_latencies_and_statuses() {
    let server = server();
    let measure = ["--count", "50", "--concurrency", "4"];
    let (code, output) = deliver(&server, &measure);
    assert_eq!(code, Some(0), "{output}");
    for part in ["per second", "p50", "p90", "p99", "max", " 50 200 OK\n"] {
        assert!(output.contains(part), "{part}: {output}");
    }
    assert_eq!(server.get_json("/events").as_array().unwrap().len(), 50);

    let (code, output) = deliver(&server, &["--count", "3", "--tamper"]);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains(" 3 401 Unauthorized\n"), "{output}");
}

#[test]
fn a_delivery_that_nobody_takes_is_an_error() {
    // Port 1 is reserved, and nothing listens there.
    let url = ["--url", "http://127.0.0.1:1/", "--secret", SECRET];
    let output = send(&url);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("error: "));

    let output = send(&[&url[..], &["--count", "2"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).starts_with("deliveries 2 "));
}

#[tokio::test]
async fn the_hyper_example_verifies_deliveries() {
    let server = Server::start(example("hyper").env("WEBHOOK_SECRET", SECRET));
    let (code, output) = deliver(&server, &["--id", "msg_1"]);
    assert_eq!(code, Some(0));
    assert!(output.contains("msg_1 over HTTP/1.1"), "{output}");
    server.line("msg_1 over HTTP/1.1");
    let (code, output) = deliver(&server, &["--tamper"]);
    assert_eq!(code, Some(1));
    assert!(output.contains("signature-mismatch"), "{output}");

    let mut connection = http2::Connection::open(server.address).await;
    for (delivery, status) in [
        (Delivery::genuine("msg_2", "{}"), 200),
        (Delivery::forged("msg_3", "{}"), 401),
    ] {
        let body = http2::frames(&delivery.body, 1);
        let answer = connection.post("/", &delivery, &[], body).await.unwrap();
        assert_eq!(answer.status, status);
    }
    server.line("msg_2 over HTTP/2.0");
}

#[cfg(unix)]
#[test]
fn the_hyper_example_outlasts_more_connections_than_it_can_hold() {
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -n 32; exec \"$0\""])
        .arg(example("hyper").get_program())
        .env("LISTEN", "127.0.0.1:0")
        .env("WEBHOOK_SECRET", SECRET);
    let server = Server::start(&mut limited);
    let connections: Vec<_> = (0..64).map(|_| server.connect()).collect();
    server.line("cannot accept");
    drop(connections);
    let (code, output) = deliver(&server, &[]);
    assert_eq!(code, Some(0), "{output}");
}

#[test]
fn the_tonic_example_tells_signed_from_forged_calls() {
    let output = program("on-tonic").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = text(&output.stdout);
    assert!(output.contains("signed: SERVING"), "{output}");
    assert!(output.contains("forged: Unauthenticated"), "{output}");
}

/// Sends a delivery that was signed with [`SECRET`] and then printed again on its way.
fn deliver_reprinted(server: &Server) {
    let mut delivery = Delivery::genuine("msg_1", r#"{"type": "job.completed"}"#);
    delivery.body = r#"{"type":"job.completed"}"#.into();
    let mut stream = server.connect();
    let mut request = format!(
        "POST /webhook HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n",
        delivery.body.len()
    );
    for (name, value) in &delivery.headers() {
        let value = value.to_str().unwrap();
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    stream.write_all(request.as_bytes()).unwrap();
    stream.write_all(b"\r\n").unwrap();
    stream.write_all(&delivery.body).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 401"), "{response}");
    assert!(!response.contains("Found"), "{response}");
}

#[test]
fn while_one_develops_a_rejection_is_explained() {
    let mut told_to = example("server");
    told_to.env("WEBHOOK_SECRET", SECRET).env("EXPLAIN", "1");
    let server = Server::start(&mut told_to);
    deliver_reprinted(&server);
    server.line("rejected signature-mismatch");
    server.line("  Found (body-json-reprinted): ");

    let server = Server::start(&mut example("server"));
    let command = server.line("cargo run ");
    let secret = command.split_whitespace().last().unwrap();
    let url = server.url("/webhook");
    send(&["--url", &url, "--secret", secret, "--age", "600"]);
    server.line("rejected timestamp-too-old");
    server.line("  Found (timestamp-old): ");
    // A delivery that was explained is still received once it is right.
    let output = send(&["--url", &url, "--secret", secret]);
    assert!(output.status.success(), "{}", text(&output.stdout));
}

/// An explanation takes more work than a server in production should do for a stranger.
#[cfg(unix)]
#[test]
fn with_a_secret_of_ones_own_a_rejection_is_not_explained() {
    for value in [None, Some("0"), Some("")] {
        let mut command = example("server");
        command.env("WEBHOOK_SECRET", SECRET);
        if let Some(value) = value {
            command.env("EXPLAIN", value);
        }
        let mut server = Server::start(&mut command);
        deliver_reprinted(&server);
        server.signal(Signal::TERM);
        assert!(server.wait(Duration::from_secs(30)).is_some());
        let lines = server.rest();
        assert_eq!(lines.len(), 1, "{value:?}: {lines:#?}");
        assert!(
            lines[0].starts_with("rejected signature-mismatch: "),
            "{lines:?}"
        );
    }
}
