//! A webhook receiver on actix-web.
//!
//! ```text
//! WEBHOOK_SECRET=whsec_… cargo run -p on-actix
//! cargo run -p tower-svix-cli -- send --url http://127.0.0.1:3000/webhook --secret whsec_…
//! ```

use std::env;
use std::error::Error;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use on_actix::{Webhooks, receive};
use tower_svix::{Secret, Verifier};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret: Secret = env::var("WEBHOOK_SECRET")
        .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
        .parse()?;
    let webhooks = web::Data::new(Webhooks {
        verifier: Verifier::new(secret),
        body_limit: 2 * 1024 * 1024,
        body_timeout: Duration::from_secs(10),
    });
    let app = move || {
        App::new()
            .app_data(webhooks.clone())
            .route("/webhook", web::post().to(receive))
    };
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    Ok(HttpServer::new(app).bind(address)?.run().await?)
}
