//! The program of the README.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use tower::Layer as _;
use tower_svix::{Secret, SvixVerifyLayer};
use tower_svix_sqlx::inbox::StoredEvent;
use tower_svix_sqlx::worker::BoxError;
use tower_svix_sqlx::{Inbox, Worker};

/// Runs in the background, at least once for each event.
async fn process(event: StoredEvent) -> Result<(), BoxError> {
    println!("{}: {} bytes", event.id(), event.payload().len());
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let secret: Secret = std::env::var("WEBHOOK_SECRET")
        .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
        .parse()?;
    // What is acknowledged survives a power cut.
    let options = SqliteConnectOptions::new()
        .filename("webhooks.sqlite")
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // No longer than the timeout of the inbox.
        .busy_timeout(Duration::from_secs(2));
    let pool = SqlitePool::connect_with(options).await?;

    let inbox = Inbox::new(pool);
    inbox.migrate().await?;
    tokio::spawn(Worker::new(inbox.clone(), process).run());
    let app =
        axum::Router::new().route_service("/webhook", SvixVerifyLayer::new(secret).layer(inbox));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}
