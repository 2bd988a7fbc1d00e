//! Redis servers, each in its own process on a free loopback port.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use rustix::process::{Pid, Signal, kill_process};

const TIMEOUT: Duration = Duration::from_secs(30);

/// A Redis server. Dropping it kills the server.
pub struct RedisServer {
    child: Child,
    port: u16,
    directory: PathBuf,
    options: &'static [&'static str],
}

impl RedisServer {
    /// Starts a server that keeps nothing on disk.
    pub fn start() -> Self {
        Self::with_options(&["--appendonly", "no"])
    }

    /// Starts a server that writes to disk before it responds, so that it forgets nothing when it is killed.
    pub fn durable() -> Self {
        Self::with_options(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// Starts a server that writes to disk within two seconds, and writes everything when it is [stopped](Self::stop).
    pub fn durable_each_second() -> Self {
        Self::with_options(&["--appendonly", "yes", "--appendfsync", "everysec"])
    }

    pub fn with_options(options: &'static [&'static str]) -> Self {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            // If another process takes the port first, Redis exits, and the next port is tried.
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            let directory =
                env::temp_dir().join(format!("tower-svix-redis-{}-{port}", std::process::id()));
            fs::create_dir_all(&directory).unwrap();
            if let Some(child) = spawn(port, &directory, options) {
                return Self {
                    child,
                    port,
                    directory,
                    options,
                };
            }
            assert!(Instant::now() < deadline, "redis-server does not start");
        }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Opens a connection that repairs itself. It waits without limit, so that the test sees the limit of the store.
    pub async fn connect(&self) -> ConnectionManager {
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(None)
            .set_max_delay(Duration::from_millis(200));
        let client = redis::Client::open(self.url()).unwrap();
        client
            .get_connection_manager_with_config(config)
            .await
            .unwrap()
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells the server to exit. It writes its data to disk first, if it keeps any.
    pub fn stop(&mut self) {
        self.signal(Signal::TERM);
        assert!(self.child.wait().unwrap().success());
    }

    /// Starts the server again on the same port, after [`kill`](Self::kill) or [`stop`](Self::stop).
    pub fn restart(&mut self) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(child) = spawn(self.port, &self.directory, self.options) {
                self.child = child;
                return;
            }
            assert!(Instant::now() < deadline, "redis-server does not restart");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Freezes the server: it keeps its connections, and does not answer.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Starts Redis and waits until it accepts connections. Returns `None` if it exited before that.
fn spawn(port: u16, directory: &PathBuf, options: &[&str]) -> Option<Child> {
    let mut child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--daemonize", "no"])
        .arg("--dir")
        .arg(directory)
        .args(options)
        .stdout(Stdio::piped())
        .spawn()
        .expect("`redis-server` is installed: on Debian, `apt-get install redis-server`");
    let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = log.any(|line| line.unwrap().contains("Ready to accept connections"));
    if !ready {
        child.wait().unwrap();
        return None;
    }
    // The output is read to its end, so that Redis never waits for a reader.
    thread::spawn(move || log.for_each(drop));
    Some(child)
}
