//! The program of the README.

use axum::{Extension, Router, routing::post};
use tower_svix::{IdempotencyLayer, Secret, SvixVerifyLayer, VerifiedEvent};
use tower_svix_redis::RedisStore;

/// Runs once for each event.
async fn receive(Extension(event): Extension<VerifiedEvent>) {
    println!("{}: {} bytes", event.id(), event.payload().len());
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret: Secret = std::env::var("WEBHOOK_SECRET")
        .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
        .parse()?;
    let client = redis::Client::open(std::env::var("REDIS_URL")?)?;
    let store = RedisStore::new(client.get_connection_manager().await?, "webhooks:");
    let app = Router::new()
        .route("/webhook", post(receive))
        .layer(IdempotencyLayer::new(store))
        .layer(SvixVerifyLayer::new(secret));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}
