//! The examples as processes, as a user runs them.
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(30);

/// A call of cargo on this package.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo
}

/// The example as a command, without the variables that configure it.
pub(crate) fn example(name: &str) -> Command {
    unconfigured(built(&["--examples"], name))
}

/// The program of a package of the workspace, likewise.
pub(crate) fn program(package: &str) -> Command {
    unconfigured(built(&["--bins", "--package", package], package))
}

fn unconfigured(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.env_remove("WEBHOOK_SECRET").env_remove("REDIS_URL");
    command.env("LISTEN", "127.0.0.1:0");
    command
}

/// Where cargo built the target; it does so here, since `cargo test --test` leaves it out.
fn built(which: &[&str], target: &str) -> PathBuf {
    static MESSAGES: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let mut messages = MESSAGES.lock().unwrap_or_else(PoisonError::into_inner);
    let messages = messages.entry(which.join(" ")).or_insert_with(|| {
        let mut build = cargo();
        build.args(["build", "--message-format=json"]).args(which);
        // As this test itself was built.
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let build = build.output().unwrap();
        let errors = String::from_utf8_lossy(&build.stderr);
        assert!(build.status.success(), "{errors}");
        String::from_utf8(build.stdout).unwrap()
    });
    messages
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|message| message["target"]["name"] == target)
        .find_map(|message| Some(message["executable"].as_str()?.into()))
        .unwrap_or_else(|| panic!("cargo did not build {target}"))
}

/// The result of `send` with these arguments.
pub(crate) fn send<S: AsRef<OsStr>>(args: &[S]) -> Output {
    example("send").args(args).output().unwrap()
}

pub(crate) fn text(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).unwrap()
}

/// An example that serves, and that is stopped when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    lines: Mutex<Receiver<String>>,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines() {
                // The output is read to its end in any case, so that the server can go on writing.
                let _ = sender.send(line.unwrap());
            }
        });
        let lines = Mutex::new(lines);
        let mut server = Self {
            child,
            address: SocketAddr::from(([0; 4], 0)),
            lines,
        };
        let line = server.line("listening on http://");
        server.address = line.rsplit('/').next().unwrap().parse().unwrap();
        server
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits for the next line of output that holds `part`.
    #[track_caller]
    pub(crate) fn line(&self, part: &str) -> String {
        let lines = self.lines.lock().unwrap();
        let deadline = Instant::now() + DEADLINE;
        let mut seen = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = lines.recv_timeout(left) else {
                panic!("no line with {part:?} after {seen:#?}");
            };
            if line.contains(part) {
                return line;
            }
            seen.push(line);
        }
    }

    /// The lines that nobody waited for, up to the end of the output.
    pub(crate) fn rest(&self) -> Vec<String> {
        self.lines.lock().unwrap().iter().collect()
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// The answer to `GET path`, which has to be JSON.
    pub(crate) fn get_json(&self, path: &str) -> serde_json::Value {
        serde_json::from_str(&self.get(path)).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = self.connect();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        body.to_owned()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until the server has ended of itself, at most so long.
    #[cfg(unix)]
    pub(crate) fn wait(&mut self, at_most: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + at_most;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
