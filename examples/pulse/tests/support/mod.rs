//! A receiver, in this process or in one of its own, and a fake Pulse to go with it.
#![allow(dead_code)] // Each test file uses a part of it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use pulse_flow::api::{Document, Pulse};
use pulse_flow::app::App;
use pulse_flow::database;
use pulse_flow::fake::{Endpoint, Fake};
use pulse_flow::jobs::{Job, Jobs};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tower_svix::Secret;
use tower_svix_pulse::JobStatus;

pub const API_KEY: &str = "test-key";
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A fake Pulse, and a folder for the receiver's database and results.
pub struct Flow {
    pub fake: Fake,
    pub pulse: Pulse,
    folder: TempDir,
}

impl Flow {
    pub async fn start() -> Self {
        Self::with_pace(Duration::from_millis(50)).await
    }

    /// Jobs wait for `pace`, and then take as long again.
    pub async fn with_pace(pace: Duration) -> Self {
        let fake = Fake::start(API_KEY, pace).await.unwrap();
        let pulse = Pulse::new(fake.base(), API_KEY).unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self {
            fake,
            pulse,
            folder,
        }
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("pulse.db")
    }

    pub fn results(&self) -> PathBuf {
        self.folder.path().join("results")
    }

    /// Writes a file beside them.
    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.into_os_string().into_string().unwrap()
    }

    /// The receiver and its worker in this process.
    pub async fn serve(&self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.send_events_to(&format!(
            "http://{}/webhook",
            listener.local_addr().unwrap()
        ));
        let app = self.app();
        tokio::spawn(async move { app.run(listener, std::future::pending()).await.unwrap() });
    }

    pub fn app(&self) -> App {
        App {
            secrets: SECRET.parse::<Secret>().unwrap().into(),
            pulse: self.pulse.clone(),
            database: self.database(),
            results: self.results(),
            schema: None,
        }
    }

    /// The receiver and its worker in a process of their own, which ends with the test.
    pub async fn spawn_server(&self, arguments: &[&str]) -> Child {
        let mut child = self
            .command("serve")
            .args(["--listen", "127.0.0.1:0", "--secret", SECRET])
            .arg("--database")
            .arg(self.database())
            .arg("--results")
            .arg(self.results())
            .args(arguments)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("the server starts");
        self.send_events_to(line.strip_prefix("listening on ").unwrap());
        child
    }

    /// Runs a command to its end, and returns what it printed.
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

    /// A command that knows where the API is, and the key.
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

    /// Submits a document, and waits until its job has completed. If nobody receives events yet, they come later.
    pub async fn submit_and_complete(&self, document: &str) -> String {
        let job_id = self.submit(document).await;
        eventually("the job completes", || {
            self.fake.job(&job_id).unwrap().status == JobStatus::Completed
        })
        .await;
        job_id
    }

    pub async fn jobs(&self) -> Jobs {
        Jobs::new(database::open(&self.database()).await.unwrap())
    }

    /// Waits until the job is as `expected`.
    pub async fn until(&self, job_id: &str, expected: impl Fn(&Job) -> bool) -> Job {
        let jobs = self.jobs().await;
        let wait = async {
            loop {
                if let Some(job) = jobs.get(job_id).await.unwrap()
                    && expected(&job)
                {
                    return job;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(2), wait).await;
        match waited.ok() {
            Some(job) => job,
            None => panic!("never as expected: {:?}", jobs.get(job_id).await),
        }
    }

    pub async fn until_stored(&self, job_id: &str) -> Value {
        let job = self.until(job_id, |job| job.result.is_some()).await;
        read_json(Path::new(&job.result.unwrap()))
    }

    /// Waits until the queue has nothing left to do.
    pub async fn until_idle(&self) {
        let pool = database::open(&self.database()).await.unwrap();
        let wait = async {
            loop {
                let open =
                    "SELECT count(*) FROM Jobs WHERE status IN ('Pending', 'Queued', 'Running')";
                let open: i64 = sqlx::query_scalar(open).fetch_one(&pool).await.unwrap();
                if open == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(2), wait).await;
        assert!(waited.is_ok(), "the queue is never done");
    }

    /// The rows of the queue's own table.
    pub async fn queued(&self) -> i64 {
        let pool = database::open(&self.database()).await.unwrap();
        let count = sqlx::query_scalar("SELECT count(*) FROM Jobs");
        count.fetch_one(&pool).await.unwrap()
    }
}

/// Waits until `happened`.
pub async fn eventually(what: &str, happened: impl Fn() -> bool) {
    let wait = async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_mins(2), wait).await;
    assert!(waited.is_ok(), "never happened: {what}");
}

pub fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn event(event_type: &str, job_id: &str, timestamp: &str) -> Value {
    json!({ "type": event_type, "timestamp": timestamp, "data": { "job_id": job_id } })
}
