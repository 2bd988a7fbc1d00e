//! A webhook receiver for the Internet, to copy and adapt.
//!
//! ```text
//! cargo run -p production
//! ```
//!
//! - `POST /webhook` receives deliveries that are signed with one of the secrets in `WEBHOOK_SECRET`. During a
//!   rotation, the variable has two secrets, separated by white space. Without the variable, the server makes a random
//!   secret and prints it if `LISTEN` is a loopback address; otherwise it does not start.
//! - `GET /events` lists the latest events, and `GET /metrics` serves the metrics of the layers to Prometheus. Everyone
//!   who can reach the server can see both: remove or guard them.
//! - Each event is processed once, however often it is delivered. The Redis of `REDIS_URL` remembers the ids of events,
//!   for any number of servers and across restarts. Without the variable, this process remembers them until it ends.
//! - If Redis cannot be reached at start, the server prints `connecting to REDIS_URL`, tries for some ten seconds, and
//!   exits with an error. The documentation of `RedisStore` shows how to make it fail sooner.
//! - `LISTEN` is the address to listen on, `127.0.0.1:3000` by default. The server speaks HTTP/1.1 without TLS: for
//!   deliveries from the Internet, put a proxy in front of it that terminates TLS.

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
    // Install the signal handlers first, so that no signal is missed.
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
        // With a random secret, the server would look healthy and reject every genuine delivery.
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

/// Prints a line. Unlike `println!`, this does not panic when the output is closed, as after `production | head`.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}
