//! A webhook receiver on Rocket.
//!
//! ```text
//! WEBHOOK_SECRET=whsec_… cargo run -p on-rocket
//! cargo run -p tower-svix-cli -- send --url http://127.0.0.1:8000/webhook --secret whsec_…
//! ```
//!
//! `ROCKET_ADDRESS` and `ROCKET_PORT` are the address that it listens on.

use std::env;
use std::error::Error;
use std::time::Duration;

use on_rocket::{Webhooks, receive, rejected};
use rocket::{catchers, routes};
use tower_svix::{Secret, Verifier};

#[rocket::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret: Secret = env::var("WEBHOOK_SECRET")
        .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
        .parse()?;
    let webhooks = Webhooks {
        verifier: Verifier::new(secret),
        body_limit: 2 * 1024 * 1024,
        body_timeout: Duration::from_secs(10),
    };
    rocket::build()
        .manage(webhooks)
        .mount("/", routes![receive])
        .register("/", catchers![rejected])
        .launch()
        .await?;
    Ok(())
}
