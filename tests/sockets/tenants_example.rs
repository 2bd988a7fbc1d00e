//! The example with tenants in a database, run as a process.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[allow(dead_code, reason = "other tests use the rest")]
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tower_svix_tests::process::{Server, cargo, program, text};
use tower_svix_tests::sender::Sender;

const BODY: &[u8] = br#"{"type":"job.completed"}"#;

/// The running example and its database.
struct Tenants {
    server: Server,
    database: PathBuf,
    senders: BTreeMap<String, Sender>,
    /// The commands that it printed.
    commands: Vec<String>,
}

impl Tenants {
    fn start(name: &str) -> Self {
        let database = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if let Err(error) = fs::remove_file(&database) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
        }
        let server = start_with(&database);
        let commands: Vec<_> = (0..2).map(|_| server.line("cargo run ")).collect();
        let senders = commands.iter().map(|command| {
            let argument = |name| {
                let mut words = command.split(' ').skip_while(move |word| *word != name);
                words.nth(1).unwrap()
            };
            let tenant = argument("--url").rsplit('/').next().unwrap();
            (tenant.to_owned(), Sender::with_secret(argument("--secret")))
        });
        Self {
            senders: senders.collect(),
            server,
            database,
            commands,
        }
    }

    async fn deliver(&self, path: &str, sender: &Sender) -> Response<Bytes> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let mut request = Request::post(self.server.url(path))
            .body(Full::<Bytes>::from(BODY))
            .unwrap();
        *request.headers_mut() = sender.headers("msg_1", now.as_secs(), BODY);
        let client = Client::builder(TokioExecutor::new()).build_http();
        let (head, body) = client.request(request).await.unwrap().into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    /// Sends a valid delivery for the tenant `acme`.
    async fn deliver_to_acme(&self) -> Response<Bytes> {
        self.deliver("/webhooks/acme", &self.senders["acme"]).await
    }

    async fn connect(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(&self.database);
        options.connect().await.unwrap()
    }
}

fn start_with(database: &Path) -> Server {
    Server::start(program("tenants").env("DATABASE", database))
}

fn code(response: &Response<Bytes>) -> Value {
    let problem: Value = serde_json::from_slice(response.body()).unwrap();
    problem["code"].clone()
}

fn assert_asks_for_a_retry(response: &Response<Bytes>) {
    assert_eq!(response.status(), 503, "{response:?}");
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(code(response), "keys-unavailable");
}

#[tokio::test]
async fn each_tenant_has_secrets_of_its_own() {
    let tenants = Tenants::start("own_secrets.db");
    let names: Vec<_> = tenants.senders.keys().collect();
    assert_eq!(names, ["acme", "globex"]);

    for (to, by) in [("acme", "acme"), ("globex", "globex")] {
        let response = tenants
            .deliver(&format!("/webhooks/{to}"), &tenants.senders[by])
            .await;
        assert_eq!(response.status(), 200, "{response:?}");
        assert_eq!(*response.body(), format!("received msg_1 for {to}\n"));
        tenants.server.line(&format!("event msg_1 for {to}"));
    }
    let rejections = [
        ("acme", "globex"),
        ("globex", "acme"),
        ("unknown", "acme"),
        ("%61cme", "acme"),
    ];
    let mut answers = Vec::new();
    for (to, by) in rejections {
        let mut response = tenants
            .deliver(&format!("/webhooks/{to}"), &tenants.senders[by])
            .await;
        assert_eq!(response.status(), 401, "to {to} by {by}");
        assert_eq!(code(&response), "signature-mismatch");
        response.headers_mut().remove("date").unwrap();
        answers.push(format!("{response:?}"));
    }
    answers.dedup();
    assert_eq!(
        answers.len(),
        1,
        "an unknown tenant answers like a known one: {answers:#?}"
    );
}

#[tokio::test]
async fn a_tenant_has_one_name_however_the_path_spells_it() {
    let tenants = Tenants::start("spelling.db");
    let mut database = tenants.connect().await;
    let ignore_case =
        "CREATE TABLE copy (tenant TEXT NOT NULL COLLATE NOCASE, secret TEXT NOT NULL);
        INSERT INTO copy SELECT tenant, secret FROM secrets;
        DROP TABLE secrets;
        ALTER TABLE copy RENAME TO secrets";
    database.execute(ignore_case).await.unwrap();
    let acme = &tenants.senders["acme"];
    let response = tenants.deliver("/webhooks/AcMe", acme).await;
    assert_eq!(*response.body(), "received msg_1 for acme\n");
}

#[test]
fn the_printed_commands_deliver_an_event_each() {
    let tenants = Tenants::start("commands.db");
    for command in &tenants.commands {
        let args: Vec<_> = command.split_whitespace().skip(1).collect();
        let output = cargo().args(args).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).starts_with("200 OK\n"));
    }
}

#[tokio::test]
async fn the_secrets_are_still_there_after_a_restart() {
    let mut tenants = Tenants::start("restart.db");
    tenants.server = start_with(&tenants.database);
    assert_eq!(tenants.deliver_to_acme().await.status(), 200);
}

#[tokio::test]
async fn a_secret_in_the_database_counts_from_the_next_delivery_on() {
    let tenants = Tenants::start("rotation.db");
    let new = Sender::with_key([7; 24]);
    let path = "/webhooks/acme";
    assert_eq!(tenants.deliver(path, &new).await.status(), 401);

    let mut database = tenants.connect().await;
    sqlx::query("INSERT INTO secrets (tenant, secret) VALUES ('acme', ?)")
        .bind(new.secret())
        .execute(&mut database)
        .await
        .unwrap();
    for sender in [&new, &tenants.senders["acme"]] {
        assert_eq!(tenants.deliver(path, sender).await.status(), 200);
    }

    let old = tenants.senders["acme"].secret();
    sqlx::query("DELETE FROM secrets WHERE secret = ?")
        .bind(old)
        .execute(&mut database)
        .await
        .unwrap();
    assert_eq!(tenants.deliver(path, &new).await.status(), 200);
    assert_eq!(tenants.deliver_to_acme().await.status(), 401);
}

#[tokio::test]
async fn while_the_database_is_locked_the_sender_is_asked_to_retry() {
    let tenants = Tenants::start("locked.db");
    assert_eq!(tenants.deliver_to_acme().await.status(), 200);

    let mut writer = tenants.connect().await;
    writer.execute("BEGIN EXCLUSIVE").await.unwrap();
    assert_asks_for_a_retry(&tenants.deliver_to_acme().await);
    writer.execute("ROLLBACK").await.unwrap();
    writer.close().await.unwrap();
    assert_eq!(tenants.deliver_to_acme().await.status(), 200);
}

#[tokio::test]
async fn without_its_database_it_asks_the_sender_to_retry() {
    let tenants = Tenants::start("removed.db");
    fs::remove_file(&tenants.database).unwrap();
    assert_asks_for_a_retry(&tenants.deliver_to_acme().await);
    assert!(
        !tenants.database.exists(),
        "an empty one would reject every delivery for good"
    );
}

#[tokio::test]
async fn a_secret_that_is_none_is_an_error_of_the_receiver() {
    let tenants = Tenants::start("bad_secret.db");
    let mut database = tenants.connect().await;
    database
        .execute("UPDATE secrets SET secret = '%%%' WHERE tenant = 'acme'")
        .await
        .unwrap();
    assert_asks_for_a_retry(&tenants.deliver_to_acme().await);
    let globex = &tenants.senders["globex"];
    assert_eq!(
        tenants.deliver("/webhooks/globex", globex).await.status(),
        200
    );
}
