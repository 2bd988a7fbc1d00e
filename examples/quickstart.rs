//! A webhook receiver on axum.

use axum::{Extension, Router, body::Bytes, routing::post};
use tower_svix::{Secret, SvixVerifyLayer, VerifiedEvent};

async fn receive(Extension(event): Extension<VerifiedEvent>, body: Bytes) -> String {
    format!("{}: {} bytes\n", event.id(), body.len())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret: Secret = std::env::var("WEBHOOK_SECRET")?.parse()?;
    let webhook = post(receive).layer(SvixVerifyLayer::new(secret));
    let app = Router::new().route("/webhook", webhook);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}
