//! A receiver with an inbox in Postgres, and the worker in the same process: see `sockets/soak/mod.rs`.
//!
//! The worker has the effect of an event in the transaction that marks the event as done. The tables themselves do not
//! prevent a second effect, so the test would see one.
#![allow(clippy::unwrap_used, reason = "a program that panics fails its test")]

use std::env;
use std::future::pending;
use std::net::Ipv4Addr;
use std::panic::resume_unwind;
use std::time::Duration;

use axum::Router;
use serde::Deserialize;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Postgres, Transaction};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;
use tower::Layer as _;
use tower_svix_sqlx::inbox::StoredEvent;
use tower_svix_sqlx::worker::{Backoff, BoxError};
use tower_svix_sqlx::{Inbox, Worker};
use tower_svix_tests::net;

/// Several times the timeout of an inbox, and short enough to wait for after a crash.
const LEASE: Duration = Duration::from_secs(10);
/// Longer than any handler takes, unless it hangs or Postgres is not available.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The longest time that the handler sleeps before its effect, and again after it.
const MAX_PAUSE_MS: u64 = 25;
/// Longer than the sender delivers an event.
const RETENTION: Duration = Duration::from_secs(300);
const CLEANUP_PAUSE: Duration = Duration::from_secs(10);

const SCHEMA: &str = "\
CREATE TABLE IF NOT EXISTS processed (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS usage (account TEXT PRIMARY KEY, pages BIGINT NOT NULL);";

#[derive(Deserialize)]
struct Payload {
    account: String,
    pages: u32,
}

#[tokio::main]
async fn main() {
    let (server_stops, worker_stops) = (told_to_stop(), told_to_stop());
    let options: PgConnectOptions = variable("DATABASE_URL").parse().unwrap();
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .connect_lazy_with(options);
    let inbox = prepare(&pool).await;
    let cleanup = inbox.spawn_cleanup(RETENTION, CLEANUP_PAUSE);
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
    let worker = Worker::transactional(inbox.clone(), |event, transaction| {
        Box::pin(process(event, transaction))
    });
    let worker = worker.lease(LEASE).timeout(TIMEOUT).backoff(backoff);
    let working = tokio::spawn(worker.run_until(worker_stops));

    let router = Router::new().route_service("/webhook", net::layer().layer(inbox));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    // When it is told to stop, it answers all open requests and waits for all handlers.
    axum::serve(listener, router)
        .with_graceful_shutdown(server_stops)
        .await
        .unwrap();
    working.await.unwrap();
    cleanup.stop().await;
}

/// After this call, the signal does not end the process at once.
fn told_to_stop() -> impl Future<Output = ()> + Send + 'static {
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    async move {
        terminate.recv().await;
    }
}

async fn prepare(pool: &PgPool) -> Inbox<Postgres> {
    let inbox = Inbox::new(pool.clone());
    inbox.migrate().await.unwrap();
    sqlx::raw_sql(SCHEMA).execute(pool).await.unwrap();
    inbox
}

async fn process(
    event: StoredEvent,
    transaction: &mut Transaction<'static, Postgres>,
) -> Result<(), BoxError> {
    // The test counts these lines and those of the example.
    println!(
        "event job.completed {} (attempt {})",
        event.id(),
        event.attempt()
    );
    let payload: Payload = serde_json::from_slice(event.payload())?;
    pause().await;
    sqlx::query("INSERT INTO processed (id) VALUES ($1)")
        .bind(event.id())
        .execute(&mut **transaction)
        .await?;
    sqlx::query(
        "INSERT INTO usage (account, pages) VALUES ($1, $2) \
         ON CONFLICT (account) DO UPDATE SET pages = usage.pages + $2",
    )
    .bind(&payload.account)
    .bind(i64::from(payload.pages))
    .execute(&mut **transaction)
    .await?;
    pause().await;
    if event.attempt() == 1 {
        misbehave().await?;
    }
    Ok(())
}

/// Lets some first attempts fail after their effect. Few hang, because each of these keeps the row of its account
/// locked.
async fn misbehave() -> Result<(), BoxError> {
    match rand::random_range(0..300) {
        0..9 => Err("an error".into()),
        // Prints no message among those of the tests.
        9..18 => resume_unwind(Box::new("a panic")),
        18 => pending().await,
        _ => Ok(()),
    }
}

async fn pause() {
    sleep(Duration::from_millis(rand::random_range(0..=MAX_PAUSE_MS))).await;
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}
