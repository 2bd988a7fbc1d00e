//! A receiver, in this process or in a separate one, and a fake Pulse.
#![allow(dead_code)] // Each test file uses a part of it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, StatusCode};
use pulse_flow::api::{Document, Pulse};
use pulse_flow::app::App;
use pulse_flow::database::Database;
use pulse_flow::fake::{Endpoint, Fake};
use pulse_flow::inbox;
use pulse_flow::jobs::{Job, Jobs};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tower_svix::Secret;
use tower_svix_pulse::JobStatus;
use tower_svix_sqlx::inbox::{Counts, Entry, Filter, State};
use tower_svix_tests::postgres_server::PostgresServer;
use tower_svix_tests::sender::Sender;

pub const API_KEY: &str = "test-key";
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TIMEOUT: Duration = Duration::from_mins(2);
const GLANCE: Duration = Duration::from_millis(20);

/// A fake Pulse, and a folder for the receiver's database and results.
pub struct Flow {
    pub fake: Fake,
    pub pulse: Pulse,
    folder: TempDir,
    database: String,
    server: Option<PostgresServer>,
}

/// Runs the same code with the inbox of either engine.
macro_rules! with_inbox {
    ($database:expr, $inbox:ident => $work:expr) => {
        match $database {
            Database::Sqlite(pool) => {
                let $inbox = inbox::open(pool);
                $work
            }
            Database::Postgres(pool) => {
                let $inbox = inbox::open(pool);
                $work
            }
        }
    };
}

impl Flow {
    pub async fn start() -> Self {
        Self::with_pace(Duration::from_millis(50)).await
    }

    /// Starts a fake Pulse in which each job waits for `pace`, and then runs for `pace`.
    pub async fn with_pace(pace: Duration) -> Self {
        let fake = Fake::start(API_KEY, pace).await.unwrap();
        let pulse = Pulse::new(fake.base(), API_KEY).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("pulse.db").display().to_string();
        Self {
            fake,
            pulse,
            folder,
            database,
            server: None,
        }
    }

    /// Starts a fake Pulse, and a Postgres server for the inbox.
    pub async fn on_postgres() -> Self {
        let server = tokio::task::spawn_blocking(PostgresServer::start)
            .await
            .unwrap();
        let mut flow = Self::start().await;
        flow.database = server.url();
        flow.server = Some(server);
        flow
    }

    /// Returns the value for `--database`.
    pub fn database(&self) -> &str {
        &self.database
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn results(&self) -> PathBuf {
        self.folder.path().join("results")
    }

    /// Returns the path of the file into which a large result is received.
    pub fn part(&self, job_id: &str) -> PathBuf {
        self.results().join(format!("{job_id}.part"))
    }

    /// Writes a file into the folder, and returns its path.
    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.into_os_string().into_string().unwrap()
    }

    /// Runs the receiver and its worker in this process. Returns the receiver's URL.
    pub async fn serve(&self) -> String {
        let app = self.app().await;
        let (url, _) = self.serve_app(app, std::future::pending()).await;
        url
    }

    /// Runs the receiver and its worker in this process until `shutdown` completes.
    pub async fn serve_until(
        &self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let (_, server) = self.serve_app(self.app().await, shutdown).await;
        server
    }

    pub async fn serve_app(
        &self,
        app: App,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> (String, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhook", listener.local_addr().unwrap());
        self.send_events_to(&url);
        let server = tokio::spawn(async move { app.run(listener, shutdown).await.unwrap() });
        (url, server)
    }

    pub async fn app(&self) -> App {
        App {
            secrets: SECRET.parse::<Secret>().unwrap().into(),
            pulse: self.pulse.clone(),
            database: self.open().await,
            results: self.results(),
            schema: None,
        }
    }

    /// Runs the receiver and its worker in a separate process, which is killed when the returned `Child` is dropped.
    pub async fn spawn_server(&self, arguments: &[&str]) -> Child {
        let mut command = self.serve_command();
        command.args(arguments);
        self.spawn(command).await
    }

    pub fn serve_command(&self) -> Command {
        let mut command = self.command("serve");
        command
            .args(["--listen", "127.0.0.1:0", "--secret", SECRET])
            .args(["--database", &self.database])
            .arg("--results")
            .arg(self.results());
        command
    }

    /// Starts a `serve` command, and sends the events of the fake to it.
    pub async fn spawn(&self, mut command: Command) -> Child {
        let mut child = command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("the server starts");
        self.send_events_to(line.strip_prefix("listening on ").unwrap());
        child
    }

    /// Runs a command to completion, and returns its standard output.
    pub async fn run(&self, command: &str, arguments: &[&str]) -> String {
        let output = self
            .command(command)
            .args(arguments)
            .output()
            .await
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {errors}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs a command on the inbox.
    pub async fn operate(&self, arguments: &[&str]) -> String {
        let mut all = vec!["--database", self.database()];
        all.extend(arguments);
        self.run("inbox", &all).await
    }

    /// Returns a command with the URL of the fake API and its key.
    pub fn command(&self, command: &str) -> Command {
        let mut process = Command::new(env!("CARGO_BIN_EXE_pulse"));
        process
            .arg(command)
            .env("PULSE_BASE_URL", self.fake.base())
            .env("PULSE_API_KEY", API_KEY)
            .env("RUST_LOG", "error");
        process
    }

    fn send_events_to(&self, url: &str) {
        self.fake.send_events_to(Endpoint {
            url: url.to_owned(),
            secret: SECRET.to_owned(),
        });
    }

    pub async fn submit(&self, document: &str) -> String {
        let document = Document::Url(document.to_owned());
        let submitted = self.pulse.extract(&document, None).await.unwrap();
        submitted.job_id.to_string()
    }

    /// Submits a document, and waits until its job has completed. If no receiver is running yet, the fake delivers the
    /// events later.
    pub async fn submit_and_complete(&self, document: &str) -> String {
        let job_id = self.submit(document).await;
        eventually("the job completes", || {
            self.fake.job(&job_id).unwrap().status == JobStatus::Completed
        })
        .await;
        job_id
    }

    pub async fn open(&self) -> Database {
        Database::open(&self.database).await.unwrap()
    }

    pub async fn jobs(&self) -> Jobs {
        Jobs::new(self.open().await)
    }

    /// Waits until the job satisfies `expected`.
    pub async fn until(&self, job_id: &str, expected: impl Fn(&Job) -> bool) -> Job {
        let jobs = self.jobs().await;
        let wait = async {
            loop {
                if let Some(job) = jobs.get(job_id).await.unwrap()
                    && expected(&job)
                {
                    return job;
                }
                tokio::time::sleep(GLANCE).await;
            }
        };
        let waited = tokio::time::timeout(TIMEOUT, wait).await;
        match waited.ok() {
            Some(job) => job,
            None => panic!("never as expected: {:?}", jobs.get(job_id).await),
        }
    }

    pub async fn until_stored(&self, job_id: &str) -> Value {
        let job = self.until(job_id, |job| job.result.is_some()).await;
        read_json(Path::new(&job.result.unwrap()))
    }

    /// Waits until an event in the inbox satisfies `expected`.
    pub async fn until_event(&self, expected: impl Fn(&Entry) -> bool) -> Entry {
        let database = self.open().await;
        let wait = async {
            loop {
                let mut events = events(&database).await.into_iter();
                if let Some(event) = events.find(&expected) {
                    return event;
                }
                tokio::time::sleep(GLANCE).await;
            }
        };
        let waited = tokio::time::timeout(TIMEOUT, wait).await;
        match waited.ok() {
            Some(event) => event,
            None => panic!("never as expected: {:?}", events(&database).await),
        }
    }

    pub async fn until_dead(&self) -> Entry {
        self.until_event(|event| event.state == State::Dead).await
    }

    /// Waits until no event is pending or running.
    pub async fn until_idle(&self) {
        let database = self.open().await;
        let wait = async {
            loop {
                let counts = counts(&database).await;
                if counts.pending + counts.running == 0 {
                    return;
                }
                tokio::time::sleep(GLANCE).await;
            }
        };
        let waited = tokio::time::timeout(TIMEOUT, wait).await;
        assert!(waited.is_ok(), "the worker is never done");
    }

    /// Waits until so many events are in the inbox. The fake delivers each by itself, so that they arrive in any order.
    pub async fn until_received(&self, count: usize) {
        let wait = async {
            while self.stored().await < count {
                tokio::time::sleep(GLANCE).await;
            }
        };
        let waited = tokio::time::timeout(TIMEOUT, wait).await;
        assert!(waited.is_ok(), "not all events arrive");
    }

    /// Returns the number of stored events.
    pub async fn stored(&self) -> usize {
        events(&self.open().await).await.len()
    }

    /// Returns how many requests with the line `line`, such as `GET /job/1`, the API has received.
    pub fn requests(&self, line: &str) -> usize {
        let requests = self.fake.requests();
        requests.iter().filter(|made| *made == line).count()
    }

    pub fn downloads(&self, job_id: &str) -> usize {
        self.requests(&format!("GET /large_results/{job_id}"))
    }
}

async fn events(database: &Database) -> Vec<Entry> {
    let all = Filter::new();
    with_inbox!(database.clone(), inbox => inbox.list(&all, 1000).await.unwrap())
}

async fn counts(database: &Database) -> Counts {
    with_inbox!(database.clone(), inbox => inbox.counts().await.unwrap())
}

/// Delivers a body, which need not be text. Returns the status and the headers of the response.
pub async fn deliver(url: &str, event_id: &str, body: &[u8]) -> (StatusCode, HeaderMap) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let sender = Sender::with_secret(SECRET);
    let request = reqwest::Client::new()
        .post(url)
        .headers(sender.headers(event_id, now.as_secs(), body))
        .body(body.to_owned());
    let response = request.send().await.unwrap();
    (response.status(), response.headers().clone())
}

/// Waits until `happened` returns true.
pub async fn eventually(what: &str, happened: impl Fn() -> bool) {
    let wait = async {
        while !happened() {
            tokio::time::sleep(GLANCE).await;
        }
    };
    let waited = tokio::time::timeout(TIMEOUT, wait).await;
    assert!(waited.is_ok(), "never happened: {what}");
}

pub fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn event(event_type: &str, job_id: &str, timestamp: &str) -> Value {
    json!({ "type": event_type, "timestamp": timestamp, "data": { "job_id": job_id } })
}
