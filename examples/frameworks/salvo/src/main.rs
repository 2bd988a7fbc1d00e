//! A webhook receiver on salvo.
//!
//! ```text
//! WEBHOOK_SECRET=whsec_… cargo run -p on-salvo
//! cargo run -p tower-svix-cli -- send --url http://127.0.0.1:3000/webhook --secret whsec_…
//! ```

use std::env;
use std::error::Error;

use on_salvo::{hoop, receive};
use salvo::conn::TcpListener;
use salvo::{Listener as _, Router, Server};
use tower_svix::{Secret, SvixVerifyLayer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret: Secret = env::var("WEBHOOK_SECRET")
        .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
        .parse()?;
    let router = Router::with_path("webhook")
        .hoop(hoop(SvixVerifyLayer::new(secret)))
        .post(receive);
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let acceptor = TcpListener::new(address).try_bind().await?;
    Server::new(acceptor).serve(router).await;
    Ok(())
}
