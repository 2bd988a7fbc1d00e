//! A database of each engine for each test, and helpers for tests of an inbox.
#![allow(async_fn_in_trait, reason = "only tests call it")]

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use std::{env, fs, process};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, PgPool, Pool, Postgres, Sqlite, SqlitePool};
use tower::{Layer as _, ServiceExt as _};
use tower_svix::SvixVerifyLayer;
use tower_svix_sqlx::inbox::{Counts, Receipt};
use tower_svix_sqlx::worker::Backoff;
use tower_svix_sqlx::{Engine, Inbox, Worker};
use tower_svix_tests::net::{self, Delivery, within};
use tower_svix_tests::postgres_server::PostgresServer;

/// Makes each function a test for each engine.
macro_rules! on_each_engine {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {
        mod on_postgres {
            $($(#[$attribute])* #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(<super::super::support::OnPostgres as super::super::support::TestDatabase>::new().await).await;
            })*
        }

        mod on_sqlite {
            $($(#[$attribute])* #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(<super::super::support::OnSqlite as super::super::support::TestDatabase>::new().await).await;
            })*
        }
    };
}

pub(crate) use on_each_engine;

/// A database that no other test sees.
pub(crate) trait TestDatabase: Clone + Send + Sync + 'static {
    type Engine: Engine;

    /// Returns the SQL that subtracts this number of milliseconds from a time.
    const MINUS_MILLISECONDS: fn(u128) -> String;

    async fn new() -> Self;
    fn pool(&self) -> Pool<Self::Engine>;
    /// Runs the statement, and returns the number of rows that it changed.
    async fn execute(&self, sql: &str) -> u64;
    /// Runs the query, and returns its only number.
    async fn number(&self, sql: &str) -> i64;

    /// Creates an inbox and its table.
    async fn inbox(&self) -> Inbox<Self::Engine> {
        let inbox = Inbox::new(self.pool()).timeout(Duration::from_secs(20));
        inbox.migrate().await.unwrap();
        inbox
    }

    /// Lets time pass for the values of a column.
    async fn age(&self, table: &str, column: &str, time: Duration) {
        let minus = (Self::MINUS_MILLISECONDS)(time.as_millis());
        self.execute(&format!("UPDATE {table} SET {column} = {column} {minus}"))
            .await;
    }
}

/// A separate schema in a server that tests share.
#[derive(Clone)]
pub(crate) struct OnPostgres {
    pub(crate) url: String,
    pub(crate) schema: String,
    pool: PgPool,
    _server: Arc<PostgresServer>,
}

impl OnPostgres {
    /// Returns another pool, with this number of connections.
    pub(crate) async fn another_pool(&self, connections: u32) -> PgPool {
        PgPoolOptions::new()
            .max_connections(connections)
            .connect_with(self.url.parse::<PgConnectOptions>().unwrap())
            .await
            .unwrap()
    }
}

/// Returns the shared server, which ends with the last test that uses it.
fn shared_server() -> Arc<PostgresServer> {
    static SERVER: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
    let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(PostgresServer::start());
        *shared = Arc::downgrade(&server);
        server
    })
}

fn next_name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl TestDatabase for OnPostgres {
    type Engine = Postgres;

    const MINUS_MILLISECONDS: fn(u128) -> String =
        |milliseconds| format!("- {milliseconds} * INTERVAL '1 millisecond'");

    async fn new() -> Self {
        let server = tokio::task::spawn_blocking(shared_server).await.unwrap();
        let name = next_name();
        let pool = server.pool().await;
        let create = AssertSqlSafe(format!("CREATE SCHEMA {name}"));
        sqlx::query(create).execute(&pool).await.unwrap();
        pool.close().await;
        let url = format!("{}?options=-c%20search_path%3D{name}", server.url());
        let pool = tower_svix_tests::postgres_server::connect(&url).await;
        Self {
            url,
            schema: name,
            pool,
            _server: server,
        }
    }

    fn pool(&self) -> PgPool {
        self.pool.clone()
    }

    async fn execute(&self, sql: &str) -> u64 {
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&self.pool).await;
        done.unwrap().rows_affected()
    }

    async fn number(&self, sql: &str) -> i64 {
        let row = sqlx::query_scalar(AssertSqlSafe(sql));
        row.fetch_one(&self.pool).await.unwrap()
    }
}

/// A separate file.
#[derive(Clone)]
pub(crate) struct OnSqlite {
    pool: SqlitePool,
    _directory: Arc<Directory>,
}

/// A folder that is deleted when it is dropped.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        let name = format!("tower-svix-sqlx-{}-{}", process::id(), next_name());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Opens a file as the docs recommend.
pub(crate) async fn open(file: PathBuf) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(20));
    SqlitePoolOptions::new()
        .acquire_timeout(Duration::from_mins(10))
        .connect_with(options)
        .await
        .unwrap()
}

impl TestDatabase for OnSqlite {
    type Engine = Sqlite;

    const MINUS_MILLISECONDS: fn(u128) -> String = |milliseconds| format!("- {milliseconds}");

    async fn new() -> Self {
        let directory = Directory::new();
        Self {
            pool: open(directory.0.join("webhooks.sqlite")).await,
            _directory: Arc::new(directory),
        }
    }

    fn pool(&self) -> SqlitePool {
        self.pool.clone()
    }

    async fn execute(&self, sql: &str) -> u64 {
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&self.pool).await;
        done.unwrap().rows_affected()
    }

    async fn number(&self, sql: &str) -> i64 {
        let row = sqlx::query_scalar(AssertSqlSafe(sql));
        row.fetch_one(&self.pool).await.unwrap()
    }
}

/// The response to a delivery, as its sender sees it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) receipt: Option<Receipt>,
    pub(crate) retry_after: Option<HeaderValue>,
    pub(crate) body: String,
}

/// Delivers an event that an official library has signed.
pub(crate) async fn deliver<DB: Engine>(
    inbox: &Inbox<DB>,
    id: &str,
    body: impl Into<Bytes>,
) -> Answer {
    send(&net::layer(), inbox, &Delivery::genuine(id, body)).await
}

pub(crate) async fn send<DB: Engine>(
    layer: &SvixVerifyLayer,
    inbox: &Inbox<DB>,
    delivery: &Delivery,
) -> Answer {
    let mut request = Request::new(Full::new(delivery.body.clone()));
    *request.headers_mut() = delivery.headers();
    answer(layer, inbox, request).await
}

pub(crate) async fn answer<DB: Engine>(
    layer: &SvixVerifyLayer,
    inbox: &Inbox<DB>,
    request: Request<Full<Bytes>>,
) -> Answer {
    let service = layer.layer(inbox.clone());
    let answered: Result<_, Infallible> = within(service.oneshot(request)).await;
    let (parts, body) = answered.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        receipt: parts.extensions.get().copied(),
        retry_after: parts.headers.get(RETRY_AFTER).cloned(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// Delivers `msg_0` and so on.
pub(crate) async fn deliver_many<DB: Engine>(inbox: &Inbox<DB>, events: usize) {
    for event in 0..events {
        let answer = deliver(inbox, &format!("msg_{event}"), "{}").await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    }
}

/// Waits until `expected` returns true for the counts.
pub(crate) async fn until<DB: Engine>(inbox: &Inbox<DB>, expected: impl Fn(Counts) -> bool) {
    let all = async {
        while !expected(inbox.counts().await.unwrap()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = tokio::time::timeout(net::TIMEOUT, all).await.is_ok();
    let counts = inbox.counts().await;
    assert!(in_time, "{counts:?}");
}

/// Makes a worker poll often and retry after short pauses.
pub(crate) fn soon<DB: Engine>(worker: Worker<DB>) -> Worker<DB> {
    worker
        .poll_interval(Duration::from_millis(10))
        .backoff(Backoff::new(
            Duration::from_millis(1),
            Duration::from_millis(5),
        ))
}
