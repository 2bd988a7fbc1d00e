//! A webhook receiver with effects in a database: each event has its effect exactly once.
//!
//! ```text
//! cargo run -p exactly-once
//! ```
//!
//! The inbox writes the event to disk before the sender gets a response. The worker marks the event as done in the same
//! transaction as its effect, so a crash at any time leaves both or neither. A second delivery of the event, at the
//! same moment or days later, finds the row and does nothing.
//!
//! - `POST /webhook` receives deliveries that are signed with `WEBHOOK_SECRET`.
//! - `GET /totals` shows the effect: how many pages each account has used.
//! - `DATABASE` is the file of the database, `webhook.sqlite` by default.
//! - `LISTEN` is the address to listen on, `127.0.0.1:3000` by default.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write as _};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};
use tokio::net::TcpListener;
use tower::Layer as _;
use tower_svix::{Secret, SvixVerifyLayer};
use tower_svix_sqlx::inbox::StoredEvent;
use tower_svix_sqlx::worker::{BoxError, Failure};
use tower_svix_sqlx::{Inbox, Worker};

const SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS usage (account TEXT PRIMARY KEY, pages INTEGER NOT NULL)";

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let secret: Secret = env::var("WEBHOOK_SECRET")
        .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
        .parse()?;
    let file = env::var("DATABASE").unwrap_or_else(|_| "webhook.sqlite".into());
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        // Readers do not wait for a writer, and an acknowledged event survives a power cut.
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let database = SqlitePool::connect_with(options).await?;
    sqlx::raw_sql(SCHEMA).execute(&database).await?;
    let inbox = Inbox::new(database.clone());
    inbox.migrate().await?;

    let worker = Worker::transactional(inbox.clone(), |event, transaction| {
        Box::pin(process(event, transaction))
    });
    // After a crash, the event that was being processed is processed again within this time.
    tokio::spawn(worker.lease(Duration::from_secs(5)).run());

    let router = Router::new()
        .route_service("/webhook", SvixVerifyLayer::new(secret).layer(inbox))
        .route("/totals", get(totals))
        .with_state(database);
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = TcpListener::bind(address).await?;
    writeln!(
        io::stdout(),
        "listening on http://{}",
        listener.local_addr()?
    )?;
    axum::serve(listener, router).await?;
    Ok(())
}

#[derive(Deserialize)]
struct Payload {
    account: String,
    pages: u32,
}

/// Changes in the transaction happen exactly once. After an error, the transaction is rolled back and the event
/// retried.
async fn process(
    event: StoredEvent,
    transaction: &mut Transaction<'static, Sqlite>,
) -> Result<(), BoxError> {
    // An event that cannot be parsed is kept as dead, for an operator. The error of `serde_json` is left out, because
    // it may repeat part of the payload.
    let payload: Payload = serde_json::from_slice(event.payload())
        .map_err(|_| Failure::permanent("the payload has no account or no pages"))?;
    sqlx::query(
        "INSERT INTO usage (account, pages) VALUES (?1, ?2) \
         ON CONFLICT (account) DO UPDATE SET pages = pages + ?2",
    )
    .bind(&payload.account)
    .bind(payload.pages)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn totals(
    State(database): State<SqlitePool>,
) -> Result<Json<BTreeMap<String, i64>>, StatusCode> {
    let rows: Result<Vec<(String, i64)>, _> = sqlx::query_as("SELECT account, pages FROM usage")
        .fetch_all(&database)
        .await;
    match rows {
        Ok(rows) => Ok(Json(rows.into_iter().collect())),
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}
