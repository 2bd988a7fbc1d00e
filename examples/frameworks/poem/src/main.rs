//! A webhook receiver on poem.
//!
//! ```text
//! WEBHOOK_SECRET=whsec_… cargo run -p on-poem
//! cargo run -p tower-svix-cli -- send --url http://127.0.0.1:3000/webhook --secret whsec_…
//! ```

use std::env;
use std::error::Error;

use on_poem::{behind, receive};
use poem::listener::TcpListener;
use poem::{Route, Server, post};
use tower_svix::{Secret, SvixVerifyLayer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret: Secret = env::var("WEBHOOK_SECRET")
        .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
        .parse()?;
    let webhook = behind(SvixVerifyLayer::new(secret), post(receive));
    let app = Route::new().at("/webhook", webhook);
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    Ok(Server::new(TcpListener::bind(address)).run(app).await?)
}
