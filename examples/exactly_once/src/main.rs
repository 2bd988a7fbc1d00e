//! A webhook receiver whose effects are rows in a database: each event has its effect exactly once.
//!
//! ```text
//! cargo run -p exactly-once
//! ```
//!
//! The handler writes the event's id and its effect in one transaction, so both are there or neither is, whatever dies
//! and whenever. A second delivery of the id, at the same moment even or years later, finds the row and does nothing.
//! `IdempotencyLayer` is not needed for that. It cannot promise as much, since its store is not the database. But it also
//! works where the effect is not a row: a mail, say, or a call of another service.
//!
//! - `POST /webhook` takes deliveries that are signed with `WEBHOOK_SECRET`.
//! - `GET /totals` shows the effect: how many pages each account has used.
//! - `DATABASE` is the file to keep them in, `webhook.sqlite` by default.
//! - `LISTEN` is the address to listen on, `127.0.0.1:3000` by default.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::io::{self, Write as _};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use tokio::net::TcpListener;
use tower_svix::{PayloadError, Secret, SvixVerifyLayer, VerifiedEvent};

/// `processed` has one row for each event that had its effect. With several tenants, the key is the tenant and the id.
const SCHEMA: &str = "\
CREATE TABLE IF NOT EXISTS processed (id TEXT PRIMARY KEY, at INTEGER NOT NULL DEFAULT (unixepoch())) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS usage (account TEXT PRIMARY KEY, pages INTEGER NOT NULL);";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret: Secret = env::var("WEBHOOK_SECRET")
        .map_err(|_| "WEBHOOK_SECRET is not set")?
        .parse()?;
    let file = env::var("DATABASE").unwrap_or_else(|_| "webhook.sqlite".into());
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        // Readers and a writer at once; other writers wait for their turn.
        .journal_mode(SqliteJournalMode::Wal);
    let database = SqlitePool::connect_with(options).await?;
    sqlx::raw_sql(SCHEMA).execute(&database).await?;

    let router = Router::new()
        .route(
            "/webhook",
            post(receive).layer(SvixVerifyLayer::new(secret)),
        )
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

async fn receive(
    State(database): State<SqlitePool>,
    Extension(event): Extension<VerifiedEvent>,
) -> Result<&'static str, Failure> {
    let payload: Payload = event.json().map_err(Failure::Payload)?;

    // `IMMEDIATE`: the lock for writing is taken at once, so that two transactions cannot both read first and then stand
    // in each other's way.
    let mut transaction = database.begin_with("BEGIN IMMEDIATE").await?;
    let first = sqlx::query("INSERT INTO processed (id) VALUES (?) ON CONFLICT DO NOTHING")
        .bind(event.id())
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    if first == 0 {
        return Ok("processed before\n");
    }
    sqlx::query(
        "INSERT INTO usage (account, pages) VALUES (?1, ?2) \
         ON CONFLICT (account) DO UPDATE SET pages = pages + ?2",
    )
    .bind(&payload.account)
    .bind(payload.pages)
    .execute(&mut *transaction)
    .await?;
    // Dropped before this, by an error or because the sender hung up, the transaction is rolled back.
    transaction.commit().await?;
    Ok("processed\n")
}

async fn totals(
    State(database): State<SqlitePool>,
) -> Result<Json<BTreeMap<String, i64>>, Failure> {
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT account, pages FROM usage")
        .fetch_all(&database)
        .await?;
    Ok(Json(rows.into_iter().collect()))
}

/// Why an event had no effect.
enum Failure {
    Payload(PayloadError),
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, error) = match &self {
            // The sender's mistake, which its next attempt would only repeat, but which it may mend and resend. A
            // `PayloadError` repeats no value of the payload, as an error of `serde_json` would.
            Self::Payload(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            // Ours: the sender shall try again.
            Self::Database(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        };
        let _ = writeln!(io::stderr(), "error: {error}");
        status.into_response()
    }
}
