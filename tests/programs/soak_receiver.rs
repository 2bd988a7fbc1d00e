//! A receiver with a slow handler, whose effect is in a database: see `sockets/soak/mod.rs`.
//!
//! The handler writes the id of an event and its effect in one transaction, behind an [`IdempotencyLayer`]. The layer
//! keeps almost all duplicates from the database, and the transaction keeps the others from having an effect.
#![allow(clippy::unwrap_used, reason = "a program that panics fails its test")]

use std::env;
use std::net::Ipv4Addr;
use std::time::Duration;

use axum::extract::State;
use axum::routing::post;
use axum::{Extension, Router};
use serde::Deserialize;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;
use tower_svix::{IdempotencyLayer, VerifiedEvent};
use tower_svix_redis::RedisStore;
use tower_svix_tests::net;

/// Longer than any request takes here, and short enough to wait for after a crash.
const LEASE: Duration = Duration::from_secs(10);
/// The longest time that the handler sleeps before its effect, and again after it.
const MAX_PAUSE_MS: u64 = 25;

const SCHEMA: &str = "\
CREATE TABLE IF NOT EXISTS processed (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS usage (account TEXT PRIMARY KEY, pages INTEGER NOT NULL);";

#[derive(Deserialize)]
struct Payload {
    account: String,
    pages: u32,
}

#[tokio::main]
async fn main() {
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    let database = open(&variable("DATABASE")).await;
    sqlx::raw_sql(SCHEMA).execute(&database).await.unwrap();
    let client = redis::Client::open(variable("REDIS_URL")).unwrap();
    let connection = client.get_connection_manager().await.unwrap();
    let store = RedisStore::new(connection, "transaction:");
    let router = Router::new()
        .route("/webhook", post(receive))
        .with_state(database)
        .layer(IdempotencyLayer::new(store).lease(LEASE))
        .layer(net::layer());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    let stop = async move {
        terminate.recv().await;
    };
    // When it is told to stop, it answers all open requests.
    axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await
        .unwrap();
}

/// A process that is killed loses nothing from the log. Only a power cut could, without `synchronous = FULL`.
async fn open(file: &str) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        // In KiB, if negative. The default of 2 MiB fills up over hours, which would look like a leak.
        .pragma("cache_size", "-256");
    SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await
        .unwrap()
}

async fn receive(
    State(database): State<SqlitePool>,
    Extension(event): Extension<VerifiedEvent>,
) -> &'static str {
    // The test counts these lines and those of the example.
    println!("event job.completed {}", event.id());
    let payload: Payload = serde_json::from_slice(event.payload()).unwrap();
    pause().await;
    let answer = process(&database, event.id(), &payload).await.unwrap();
    pause().await;
    answer
}

async fn process(
    database: &SqlitePool,
    id: &str,
    payload: &Payload,
) -> Result<&'static str, sqlx::Error> {
    let mut transaction = database.begin_with("BEGIN IMMEDIATE").await?;
    let first = sqlx::query("INSERT INTO processed (id) VALUES (?) ON CONFLICT DO NOTHING")
        .bind(id)
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
    transaction.commit().await?;
    Ok("processed\n")
}

async fn pause() {
    sleep(Duration::from_millis(rand::random_range(0..=MAX_PAUSE_MS))).await;
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}
