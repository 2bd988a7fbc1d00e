//! A webhook receiver on axum.

use axum::{Router, routing::post};
use tower_svix::{Keyring, SvixVerifyLayer, VerifiedEvent};

async fn receive(event: VerifiedEvent) -> String {
    format!("{}: {} bytes\n", event.id(), event.payload().len())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keys: Keyring = std::env::var("WEBHOOK_SECRET")
        .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
        .parse()?;
    let app = Router::new()
        .route("/webhook", post(receive))
        .layer(SvixVerifyLayer::new(keys));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}
