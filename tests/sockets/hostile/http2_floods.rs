//! Floods of HTTP/2 control frames and resets.
//!
//! The target is `examples/hyper.rs` in its own process, so that its memory can be measured.

use std::error::Error;
use std::fs;
use std::io;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_io_timeout::TimeoutStream;
use tower::Layer as _;
use tower_svix_tests::net::{Delivery, SECRET, layer};
use tower_svix_tests::process::{Server, example, program};
use tower_svix_tests::recorder::Recorder;
use tower_svix_tests::{http1, http2 as http2_client};

use super::frames::{
    Answer, Connection, ENHANCE_YOUR_CALM, INITIAL_WINDOW_SIZE, PREFACE, PROTOCOL_ERROR, head,
    ping, reset, settings, settings_ack,
};

/// The most KiB that the server's memory may grow in a flood. A frame that is kept takes 100 bytes or more.
const MAX_GROWTH: u64 = 4 * 1024;
/// If the server kept them, they would take more than twice [`MAX_GROWTH`].
const FRAMES: usize = 100_000;
/// Frames in one write.
const BATCH: usize = 1_000;

struct Attacked {
    server: Server,
    /// The peak memory of the server when the attack began, in KiB.
    peak: u64,
}

impl Attacked {
    async fn start() -> Self {
        let server = Server::start(example("hyper").env("WEBHOOK_SECRET", SECRET));
        let mut attacked = Self { server, peak: 0 };
        // The memory that the first deliveries take is counted before the attack.
        for number in 0..10 {
            attacked.assert_answers(&format!("msg_{number}")).await;
        }
        attacked.peak = peak(&attacked.server);
        attacked
    }

    async fn connect(&self) -> Connection {
        Connection::open(self.server.address, &[]).await
    }

    /// Asserts that the server responds to a valid delivery on another connection.
    async fn assert_answers(&self, id: &str) {
        let delivery = Delivery::genuine(id, "{}");
        let mut connection = http2_client::Connection::open(self.server.address).await;
        let body = http2_client::frames(&delivery.body, 1);
        let answer = connection.post("/webhook", &delivery, &[], body).await;
        assert_eq!(answer.unwrap().status, 200);
    }

    async fn assert_survived(&self) {
        self.assert_answers("msg_next").await;
        let growth = peak(&self.server) - self.peak;
        assert!(growth < MAX_GROWTH, "{growth} KiB");
    }
}

/// Returns the peak memory of the process so far, in KiB.
fn peak(server: &Server) -> u64 {
    let path = format!("/proc/{}/status", server.process_id());
    let status = fs::read_to_string(path).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.expect("Linux says so").parse().unwrap()
}

/// hyper does not end such a connection: a frame costs the client as much as the server.
#[tokio::test]
async fn control_frames_are_answered_one_by_one_and_none_is_kept() {
    for (name, frame) in [
        ("PING", ping(*b"flooding")),
        ("SETTINGS", settings(&[(INITIAL_WINDOW_SIZE, 65_535)])),
    ] {
        let attacked = Attacked::start().await;
        let mut connection = attacked.connect().await;
        let batch = frame.repeat(BATCH);
        for _ in 0..FRAMES / BATCH {
            connection.write(&batch).await;
            connection.acknowledged(frame[3], BATCH).await;
        }
        attacked.assert_survived().await;
        // Even this connection still works.
        let delivery = Delivery::genuine("msg_1", "{}");
        let answer = connection.post(1, &delivery).await;
        assert_eq!(answer, Answer::Status(200), "{name}");
    }
}

#[tokio::test]
async fn control_frames_whose_answers_nobody_reads_are_not_read_either() {
    for (name, frame) in [
        ("PING", ping(*b"flooding")),
        ("SETTINGS", settings(&[(INITIAL_WINDOW_SIZE, 65_535)])),
    ] {
        let attacked = Attacked::start().await;
        let mut connection = Connection::open_narrow(attacked.server.address).await;
        let batch = frame.repeat(BATCH);
        let mut is_stuck = false;
        // More than the buffers of both sockets hold.
        for _ in 0..20 * FRAMES / BATCH {
            let mut write = pin!(connection.write(&batch));
            // Other deliveries are answered while the server's writes are stuck.
            for number in 0..20 {
                is_stuck = write.as_mut().now_or_never().is_none();
                if !is_stuck {
                    break;
                }
                attacked.assert_answers(&format!("msg_{number}")).await;
            }
            if is_stuck {
                break;
            }
        }
        assert!(is_stuck, "{name}: it is read without end");
        attacked.assert_survived().await;
    }
}

#[tokio::test]
async fn settings_that_break_the_rules_end_the_connection() {
    let attacked = Attacked::start().await;
    for (name, frame) in [
        ("an acknowledgement of nothing", settings_ack()),
        (
            "a window of more than 31 bits",
            settings(&[(INITIAL_WINDOW_SIZE, 1 << 31)]),
        ),
    ] {
        let mut connection = attacked.connect().await;
        connection.settle().await;
        connection.write(frame.repeat(BATCH)).await;
        let end = connection.end().await;
        assert!(matches!(end, Some((PROTOCOL_ERROR, _))), "{name}: {end:?}");
        attacked.assert_survived().await;
    }
}

#[tokio::test]
async fn rapid_resets_end_each_connection_by_their_own_cause_and_nothing_is_kept() {
    let attacked = Attacked::start().await;
    let delivery = Delivery::genuine("msg_reset", "{}");
    for _ in 0..50 {
        let mut connection = attacked.connect().await;
        for stream in (1..4_000).step_by(2) {
            let frames = [head(stream, &delivery), reset(stream)].concat();
            connection.write(frames).await;
        }
        let expected = (ENHANCE_YOUR_CALM, "too_many_resets".to_owned());
        assert_eq!(connection.end().await, Some(expected));
    }
    attacked.assert_survived().await;
}

/// The example for production has this timeout. Nothing else ends such a connection.
#[tokio::test]
async fn control_frames_whose_answers_nobody_reads_end_with_a_timeout_for_writing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(Duration::from_secs(1)));
        let service = TowerToHyperService::new(layer().layer(Recorder::default()));
        let http = auto::Builder::new(TokioExecutor::new());
        let stream = TokioIo::new(Box::pin(stream));
        http.serve_connection(stream, service).await
    });
    let mut connection = Connection::open(address, &[]).await;
    let batch = ping(*b"flooding").repeat(BATCH);
    let end = loop {
        tokio::select! {
            end = &mut served => break end.unwrap(),
            () = connection.write(&batch) => {}
        }
    };
    let error = end.expect_err("it is not the peer that ends it");
    assert!(is_timeout(&*error), "{error:?}");
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    let kind = error.downcast_ref().map(io::Error::kind);
    kind == Some(io::ErrorKind::TimedOut) || error.source().is_some_and(is_timeout)
}

#[tokio::test]
async fn the_example_for_production_takes_no_http2_at_all() {
    let server = Server::start(program("production").env("WEBHOOK_SECRET", SECRET));
    let before = peak(&server);
    let delivery = Delivery::genuine("msg_1", "{}");
    let resets = (1..2_000)
        .step_by(2)
        .flat_map(|stream| [head(stream, &delivery), reset(stream)].concat());
    for (name, flood) in [
        ("PING", ping(*b"flooding").repeat(BATCH)),
        ("SETTINGS", settings(&[]).repeat(BATCH)),
        ("rapid resets", resets.collect()),
    ] {
        let mut connection = http1::Connection::open(server.address).await;
        connection.try_write(PREFACE).await;
        connection.try_write(settings(&[])).await;
        connection.try_write(flood).await;
        assert_eq!(connection.rest().await, "", "{name}");
        let mut connection = http1::Connection::open(server.address).await;
        assert_eq!(connection.post(&delivery).await.status, 200, "{name}");
    }
    let growth = peak(&server) - before;
    assert!(growth < MAX_GROWTH, "{growth} KiB");
}
