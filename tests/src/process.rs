//! Programs of the workspace as processes.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(unix)]
pub use rustix::process::Signal;
#[cfg(unix)]
use rustix::process::{Pid, kill_process};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the folder of the workspace.
pub fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("this package is a folder of it")
}

/// Returns a `cargo` command on the workspace.
///
/// It does not get the variables in which Cargo describes this package to its tests. Otherwise, crates whose build
/// scripts read such variables, such as *ring*, would be built again for it, and once more for the next command.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace()).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// A program that cargo can build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// A package and an example of it.
    Example(&'static str, &'static str),
    /// A package and a program of it.
    Bin(&'static str, &'static str),
}

impl Program {
    /// Returns the program as a command, without the variables that configure it.
    pub fn command(self) -> Command {
        let mut command = Command::new(self.executable());
        command.env_remove("WEBHOOK_SECRET").env_remove("REDIS_URL");
        command.env("LISTEN", "127.0.0.1:0");
        command
    }

    /// Returns the path of the built program. Building the tests does not build it, so the first call does.
    fn executable(self) -> PathBuf {
        static BUILT: Mutex<Vec<(Program, PathBuf)>> = Mutex::new(Vec::new());
        // Another test failed to build a program. If it was this one, the build below fails again.
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, executable)) = built.iter().find(|(program, _)| *program == self) {
            return executable.clone();
        }
        let executable = self.build();
        built.push((self, executable.clone()));
        executable
    }

    /// Builds the program: an example with the features of its own package, as a user does, and a program with those of
    /// the whole workspace, because the tests have already built most of it so.
    fn build(self) -> PathBuf {
        let mut build = cargo();
        let name = match self {
            Self::Example(package, name) => {
                build.args(["build", "--package", package, "--example", name]);
                name
            }
            Self::Bin(_, name) => {
                build.args(["build", "--workspace", "--all-features", "--bin", name]);
                name
            }
        };
        build.arg("--message-format=json-render-diagnostics");
        // With the profile of this test.
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let build = build.output().unwrap();
        let errors = String::from_utf8_lossy(&build.stderr);
        assert!(build.status.success(), "{self:?}: {errors}");
        String::from_utf8(build.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter(|message| message["target"]["name"] == name)
            .find_map(|message| Some(message["executable"].as_str()?.into()))
            .unwrap_or_else(|| panic!("cargo did not build {self:?}: {errors}"))
    }
}

/// Returns an example of the crate itself, without the variables that configure it.
pub fn example(name: &'static str) -> Command {
    Program::Example("tower-svix", name).command()
}

/// Returns the program that has the name of its package, without the variables that configure it.
pub fn program(package: &'static str) -> Command {
    Program::Bin(package, package).command()
}

/// Returns the program `webhook`, without the variables that configure it.
pub fn webhook() -> Command {
    Program::Bin("tower-svix-cli", "webhook").command()
}

/// Runs `webhook send` with these arguments.
pub fn send<S: AsRef<OsStr>>(args: &[S]) -> Output {
    webhook().arg("send").args(args).output().unwrap()
}

pub fn text(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).unwrap()
}

/// A running server. Dropping it stops the server.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    lines: Mutex<Receiver<String>>,
}

impl Server {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines() {
                // The output is read to its end, so that the server never waits for a reader.
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

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits for the next line of output that contains `part`.
    #[track_caller]
    pub fn line(&self, part: &str) -> String {
        let lines = self.lines.lock().unwrap();
        let deadline = Instant::now() + TIMEOUT;
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

    /// Returns the lines that `line` has not read yet, up to the end of the output.
    pub fn rest(&self) -> Vec<String> {
        self.lines.lock().unwrap().iter().collect()
    }

    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Sends `GET path`, and parses the response as JSON.
    pub fn get_json(&self, path: &str) -> serde_json::Value {
        serde_json::from_str(&self.get(path)).unwrap()
    }

    pub fn get(&self, path: &str) -> String {
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

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream
    }

    #[cfg(unix)]
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until the server exits, for at most this long.
    #[cfg(unix)]
    pub fn wait(&mut self, at_most: Duration) -> Option<ExitStatus> {
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
