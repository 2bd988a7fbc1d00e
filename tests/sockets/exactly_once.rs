//! The example with a database has each effect exactly once, whenever it crashes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tower_svix_tests::net::{Delivery, SECRET};
use tower_svix_tests::process::{Server, Signal, program};

const IDS: usize = 50;
const THREADS: usize = 8;
const TIMEOUT: Duration = Duration::from_secs(60);

/// A folder for the database and the files that `SQLite` puts beside it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("exactly-once-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn start(&self) -> Server {
        let mut command = program("exactly-once");
        command.env("WEBHOOK_SECRET", SECRET);
        command.env("DATABASE", self.0.join("webhook.sqlite"));
        Server::start(&mut command)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Returns the response, or nothing if the server died.
fn deliver(address: std::net::SocketAddr, id: usize) -> Option<String> {
    let body = json!({"account": format!("account {}", id % 2), "pages": 10}).to_string();
    let delivery = Delivery::genuine(&format!("msg_{id}"), body);
    let mut request = format!(
        "POST /webhook HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n",
        delivery.body.len()
    );
    for (name, value) in &delivery.headers() {
        request.extend([name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]);
    }
    request += "\r\n";
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.write_all(request.as_bytes()).ok()?;
    stream.write_all(&delivery.body).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer).filter(|answer| !answer.is_empty())
}

#[test]
fn each_event_has_its_effect_once_though_the_server_is_killed() {
    let directory = Directory::new();
    let server = Mutex::new(directory.start());
    let acknowledged = AtomicUsize::new(0);
    let wait_for = |count| {
        let deadline = Instant::now() + TIMEOUT;
        while acknowledged.load(Ordering::SeqCst) < count {
            assert!(Instant::now() < deadline);
            thread::sleep(Duration::from_millis(1));
        }
    };
    // Each thread delivers each event until it is acknowledged.
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for id in 0..IDS {
                    let deadline = Instant::now() + TIMEOUT;
                    loop {
                        let address = server.lock().unwrap().address;
                        if deliver(address, id).is_some_and(|answer| {
                            answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 202")
                        }) {
                            acknowledged.fetch_add(1, Ordering::SeqCst);
                            break;
                        }
                        assert!(Instant::now() < deadline, "msg_{id}");
                    }
                }
            });
        }
        for part in 1..4 {
            wait_for(part * IDS * THREADS / 4);
            let mut server = server.lock().unwrap();
            server.signal(Signal::KILL);
            server.wait(TIMEOUT).expect("it is dead");
            *server = directory.start();
        }
    });
    let server = server.into_inner().unwrap();
    let pages = IDS / 2 * 10;
    let expected = json!({"account 0": pages, "account 1": pages});
    let deadline = Instant::now() + TIMEOUT;
    while server.get_json("/totals") != expected {
        assert!(Instant::now() < deadline, "{}", server.get("/totals"));
        thread::sleep(Duration::from_millis(20));
    }
    let duplicate = deliver(server.address, 0).unwrap();
    assert!(duplicate.ends_with("stored before\n"), "{duplicate}");
    assert_eq!(server.get_json("/totals"), expected);
}
