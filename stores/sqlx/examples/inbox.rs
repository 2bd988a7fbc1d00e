//! The program of the README.

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
    let secret: Secret = std::env::var("WEBHOOK_SECRET")?.parse()?;
    let pool = sqlx::SqlitePool::connect("sqlite:webhooks.sqlite?mode=rwc").await?;

    let inbox = Inbox::new(pool);
    inbox.migrate().await?;
    tokio::spawn(Worker::new(inbox.clone(), process).run());
    let app =
        axum::Router::new().route_service("/webhook", SvixVerifyLayer::new(secret).layer(inbox));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}
