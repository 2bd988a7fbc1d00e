//! The program of the README.

use axum::{Router, routing::post};
use tower_svix::extract::VerifiedJson;
use tower_svix::{Secret, SvixVerifyLayer};
use tower_svix_pulse::PulseEvent;

async fn receive(VerifiedJson { payload, .. }: VerifiedJson<PulseEvent>) {
    match payload {
        PulseEvent::Completed(event) => println!("{} is completed", event.data.job_id),
        PulseEvent::Failed(event) => {
            println!("{} failed: {:?}", event.data.job_id, event.data.error);
        }
        PulseEvent::Cancelled(event) => println!("{} was cancelled", event.data.job_id),
        PulseEvent::Created(_) | PulseEvent::Processing(_) => {}
        PulseEvent::Other(event) => println!("an event of the new type {}", event.event_type),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret: Secret = std::env::var("WEBHOOK_SECRET")
        .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
        .parse()?;
    let app = Router::new()
        .route("/webhook", post(receive))
        .layer(SvixVerifyLayer::new(secret));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}
