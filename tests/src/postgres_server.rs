//! `PostgreSQL` servers, each in its own process on a free loopback port.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use std::{env, process};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

const TIMEOUT: Duration = Duration::from_secs(60);

/// A `PostgreSQL` server. Dropping it kills the server.
pub struct PostgresServer {
    child: Child,
    port: u16,
    directory: PathBuf,
    options: &'static [&'static str],
}

impl PostgresServer {
    /// Starts a server that keeps its data when it is killed, but not after a power cut, because that is faster.
    pub fn start() -> Self {
        Self::with_options(&["-c", "fsync=off"])
    }

    /// Starts a server that writes to disk before it responds.
    pub fn durable() -> Self {
        Self::with_options(&["-c", "fsync=on", "-c", "synchronous_commit=on"])
    }

    pub fn with_options(options: &'static [&'static str]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tower-svix-postgres-{}-{number}", process::id());
        Self::in_directory(env::temp_dir().join(name), options)
    }

    /// Starts a server with its data in a new folder with this path.
    pub fn in_directory(directory: PathBuf, options: &'static [&'static str]) -> Self {
        fs::create_dir_all(&directory).unwrap();
        if let Some(user) = user() {
            chown(&directory, Some(user.id), Some(user.group)).unwrap();
        }
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
        let made = command("initdb")
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "--no-instructions"])
            .args(["--wal-segsize=1", "--pgdata"])
            .arg(&directory)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb: {errors}");

        let deadline = Instant::now() + TIMEOUT;
        loop {
            // If another process takes the port first, the next port is tried.
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            if let Some(child) = spawn(port, &directory, options) {
                return Self {
                    child,
                    port,
                    directory,
                    options,
                };
            }
            assert!(Instant::now() < deadline, "PostgreSQL does not start");
        }
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Creates another database of the server, and returns its URL.
    pub async fn database(&self, name: &str) -> String {
        let pool = self.pool().await;
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::query(create).execute(&pool).await.unwrap();
        pool.close().await;
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Returns a new pool. It waits longer than any test, so that the test sees the limit of what uses it.
    pub async fn pool(&self) -> PgPool {
        connect(&self.url()).await
    }

    /// Kills the server and all processes that serve its connections.
    pub fn kill(&mut self) {
        self.signal_all(Signal::KILL);
        self.child.wait().unwrap();
    }

    /// Tells the server to exit without waiting for clients.
    pub fn stop(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
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
            assert!(Instant::now() < deadline, "PostgreSQL does not restart");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Freezes the server: it keeps its connections, and does not answer.
    pub fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    /// The server is first, so that it starts no other process. Processes that have exited are left out.
    fn signal_all(&self, signal: Signal) {
        let of_connections = children(self.child.id());
        let server = Pid::from_child(&self.child);
        let _ = kill_process(server, signal);
        for child in of_connections.into_iter().chain(children(self.child.id())) {
            let _ = kill_process(child, signal);
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.signal_all(Signal::KILL);
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Opens a pool for a database. It waits longer than any test for a connection.
pub async fn connect(url: &str) -> PgPool {
    let options: PgConnectOptions = url.parse().unwrap();
    PgPoolOptions::new()
        .acquire_timeout(Duration::from_secs(600))
        .connect_with(options)
        .await
        .unwrap()
}

/// Starts the server and waits until it accepts connections. Returns `None` if it exited before that.
fn spawn(port: u16, directory: &Path, options: &[&str]) -> Option<Child> {
    let mut child = command("postgres")
        .arg("-D")
        .arg(directory)
        .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"])
        // No sockets in the file system: their folder may not exist.
        .args(["-c", "unix_socket_directories="])
        .args(["-c", "shared_buffers=32MB", "-c", "max_connections=200"])
        .args(["-c", "max_wal_size=64MB", "-c", "min_wal_size=2MB"])
        .args(options)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let (ready, is_ready) = mpsc::channel();
    // The output is read to its end, so that the server never waits for a reader. A process that serves a connection
    // may hold the pipe longer than the server lives.
    thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            if line.contains("is ready to accept connections") {
                let _ = ready.send(());
            }
        }
    });
    let deadline = Instant::now() + TIMEOUT;
    while is_ready.recv_timeout(Duration::from_millis(20)).is_err() {
        let is_late = Instant::now() >= deadline;
        if is_late {
            child.kill().unwrap();
        }
        if is_late || child.try_wait().unwrap().is_some() {
            child.wait().unwrap();
            assert!(!is_late, "PostgreSQL neither starts nor ends");
            return None;
        }
    }
    Some(child)
}

/// Returns a program of the newest version that is installed. `PostgreSQL` does not run as root.
fn command(program: &str) -> Command {
    let mut command = Command::new(programs().join(program));
    if let Some(user) = user() {
        command.uid(user.id).gid(user.group);
    }
    // That user may not be able to read the working directory of the tests.
    command.current_dir("/").env("LC_ALL", "C");
    command.stdin(Stdio::null());
    command
}

/// Returns the folder of the programs. Debian has one for each version, and it is not in `PATH`.
pub fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    versions
        .filter_map(|version| {
            let path = version.ok()?.path();
            let number: f32 = path.file_name()?.to_str()?.parse().ok()?;
            let programs = path.join("bin");
            programs
                .join("initdb")
                .is_file()
                .then_some((number, programs))
        })
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .expect("PostgreSQL is installed: on Debian, `apt-get install postgresql`")
        .1
}

struct User {
    id: u32,
    group: u32,
}

/// Returns the user to run the server as, if this process is root.
fn user() -> Option<User> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let user = users
        .lines()
        .find(|line| line.starts_with("postgres:"))
        .expect("Debian's package makes the user `postgres`");
    let mut fields = user.split(':').skip(2).map(|field| field.parse().unwrap());
    Some(User {
        id: fields.next().unwrap(),
        group: fields.next().unwrap(),
    })
}

/// Returns the child processes.
fn children(parent: u32) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").unwrap();
    processes
        .filter_map(|process| {
            let process = process.ok()?;
            let id: i32 = process.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(process.path().join("stat")).ok()?;
            // `id (name) state parent …`. The name can contain anything.
            let (_, rest) = stat.rsplit_once(") ")?;
            let of: u32 = rest.split(' ').nth(1)?.parse().ok()?;
            (of == parent).then(|| Pid::from_raw(id)).flatten()
        })
        .collect()
}
