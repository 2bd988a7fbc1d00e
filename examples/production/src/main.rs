//! A webhook receiver with what the Internet demands, fit to be copied.
//!
//! ```text
//! cargo run -p production
//! ```
//!
//! - `POST /webhook` takes deliveries that are signed with one of the secrets in `WEBHOOK_SECRET`, which are separated
//!   by white space: two of them during a rotation. Without the variable, a random secret is made and shown if `LISTEN`
//!   is a loopback address; otherwise that is an error.
//! - `GET /events` lists what was received so far, and `GET /metrics` shows the numbers of the layers to Prometheus. Both
//!   are open to everyone who can reach them: leave them out or guard them.
//! - An event is processed once, however often it is delivered. `REDIS_URL` is the Redis that remembers events, for any
//!   number of servers and across restarts. Without the variable, this process remembers them.
//! - `LISTEN` is the address to listen on, `127.0.0.1:3000` by default. It speaks HTTP/1.1: where deliveries come from
//!   the Internet, put a proxy in front of it that ends TLS.

mod app;
mod config;
mod events;
mod limits;
mod metrics;
mod serve;
mod store;

use std::error::Error;
use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use tokio::net::TcpListener;
use tower_svix::idempotency::MemoryStore;

use self::config::Config;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    // Before anyone knows that the server is there, so that no signal is missed.
    let stop = serve::stop_signal()?;
    let config = Config::from_env()?;
    let metrics = metrics::install()?;
    let router = match &config.redis_url {
        Some(url) => app::router(config.keys, store::redis(url).await?, metrics),
        None => app::router(config.keys, MemoryStore::new(), metrics),
    };

    let address = &config.listen;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}; LISTEN can name another address")
    })?;
    let address = listener.local_addr()?;
    if config.made_up.is_some() && !address.ip().is_loopback() {
        // With a random secret it would look healthy, and reject every genuine delivery.
        return Err(
            "WEBHOOK_SECRET is not set: without it, LISTEN must be a loopback address".into(),
        );
    }
    say(format_args!("listening on http://{address}"));
    if let Some(secret) = config.made_up {
        say(format_args!(
            "WEBHOOK_SECRET is not set, so this run uses a random secret. Deliver a first event with\n\n  \
             cargo run -p tower-svix-cli -- send --url http://{address}/webhook --secret {}\n",
            secret.expose()
        ));
    }
    serve::serve(listener, router, stop).await;
    say(format_args!("stopped"));
    Ok(())
}

/// Prints a line. Unlike `println!` it does not panic when nobody reads, as after `production | head`: deliveries go on.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}
