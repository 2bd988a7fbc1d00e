//! A webhook receiver on axum.

use axum::{Router, routing::post};
use tower_svix::{Keyring, SvixVerifyLayer, VerifiedEvent};

async fn receive(event: VerifiedEvent) -> String {
    format!("{}: {} bytes\n", event.id(), event.payload().len())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keys: Keyring = std::env::var("WEBHOOK_SECRET")?.parse()?;
    let app = Router::new()
        .route("/webhook", post(receive))
        .layer(SvixVerifyLayer::new(keys));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}
