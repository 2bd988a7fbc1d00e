//! A webhook receiver on axum. Start with this example.
//!
//! ```text
//! cargo run --example server
//! ```
//!
//! - `POST /webhook` receives deliveries that are signed with a secret in `WEBHOOK_SECRET`. During a rotation, the
//!   variable has two secrets, separated by a space. Without the variable, the server makes a random secret, and
//!   `LISTEN` must be a loopback address.
//! - `GET /events` lists the latest 1,000 events. Everyone who can reach the server can see them.
//! - `LISTEN` is the address to listen on, `127.0.0.1:3000` by default.
//! - With `EXPLAIN=1`, or with a random secret, the server explains why it rejects a delivery. Use this only for
//!   development: an explanation takes far more work than verification.
//!
//! `examples/production` is the same receiver for the Internet: with limits, timeouts, metrics and Redis.
#![allow(clippy::print_stdout, reason = "it shows what it receives")]

use std::sync::{Arc, Mutex};
use std::{env, error::Error};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use tokio::{net::TcpListener, signal, task::spawn_blocking};
use tower_svix::diagnose::Diagnosis;
use tower_svix::idempotency::{MemoryStore, Outcome};
use tower_svix::sign::generate;
use tower_svix::{
    Clock, IdempotencyLayer, Keyring, Rejection, SvixVerifyLayer, SystemClock, VerifiedEvent,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (text, made_up) = match env::var("WEBHOOK_SECRET") {
        Ok(text) => (text, false),
        Err(env::VarError::NotPresent) => (generate::secret()?.expose().to_owned(), true),
        // Displayed, the error would show the secret.
        Err(env::VarError::NotUnicode(_)) => return Err("WEBHOOK_SECRET is not UTF-8".into()),
    };
    let keys = text.parse::<Keyring>();
    let keys = keys.map_err(|error| format!("WEBHOOK_SECRET: {error}"))?;

    let events = Events::default();
    // The last layer is the outermost: a delivery is verified first, and reaches the handler unless it is a duplicate.
    let mut webhook = post(receive)
        .route_layer(IdempotencyLayer::new(MemoryStore::new()))
        .route_layer(from_fn_with_state(events.clone(), record))
        .route_layer(SvixVerifyLayer::new(keys))
        .route_layer(map_response(report_rejection));
    if made_up || env::var("EXPLAIN").is_ok_and(|value| value == "1") {
        let text: Arc<str> = text.as_str().into();
        webhook = webhook.route_layer(from_fn_with_state(text, explain));
    }
    let app = Router::new()
        .route("/webhook", webhook)
        .route("/events", get(list))
        .with_state(events);

    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = TcpListener::bind(&address)
        .await
        .map_err(|error| format!("cannot listen on {address}, which LISTEN can change: {error}"))?;
    let address = listener.local_addr()?;
    if made_up && !address.ip().is_loopback() {
        // With a random secret, the server would look healthy and reject every genuine delivery.
        return Err("WEBHOOK_SECRET is not set: LISTEN must be a loopback address".into());
    }
    println!("listening on http://{address}");
    if made_up {
        let send = "cargo run -p tower-svix-cli -- send --url";
        println!("WEBHOOK_SECRET is not set, so it is random. Deliver a first event with\n");
        println!("  {send} http://{address}/webhook --secret {text}\n");
    }
    axum::serve(listener, app)
        .with_graceful_shutdown(stop_signal())
        .await?;
    Ok(())
}

/// Runs once for each event.
async fn receive(Extension(event): Extension<VerifiedEvent>) -> String {
    // Acknowledge an event even if the payload cannot be parsed: a retry would have the same payload.
    let event_type = event.event_type().unwrap_or("(no type)".into());
    // Escape the type: a payload may contain a newline and a text that looks like a log line.
    println!("event {} {}", event_type.escape_debug(), event.id());
    format!("received {}\n", event.id())
}

/// Prints why a delivery was rejected. `SvixVerifyLayer` puts the reason into the extensions of the response.
async fn report_rejection(response: Response) -> Response {
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        println!("rejected {}: {rejection}", rejection.code());
    }
    response
}

/// Prints why a delivery is not valid and what to do about it, as `webhook explain` does for a request in a file.
async fn explain(State(keys): State<Arc<str>>, request: Request, next: Next) -> Response {
    const LIMIT: usize = 2 * 1024 * 1024;

    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LIMIT).await else {
        println!("rejected: the body is longer than {LIMIT} bytes, or broke off");
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let headers: HeaderMap = head.headers.clone();
    let request = Request::from_parts(head, Body::from(body.clone()));
    let response = next.run(request).await;
    if response.extensions().get::<Rejection>().is_some() {
        let now = SystemClock.unix_seconds().unwrap_or_default();
        let diagnose = move || Diagnosis::of(&keys, &headers, &body).at(now).to_string();
        // Skip the first line: it is the verdict, which was already printed.
        for line in spawn_blocking(diagnose)
            .await
            .unwrap_or_default()
            .lines()
            .skip(1)
        {
            println!("  {line}");
        }
    }
    response
}

async fn list(State(events): State<Events>) -> Json<Vec<Received>> {
    Json(events.lock().expect(NO_PANIC).clone())
}

type Events = Arc<Mutex<Vec<Received>>>;
const NO_PANIC: &str = "nothing panics while it is locked";

#[derive(Clone, serde::Serialize)]
struct Received {
    id: String,
    r#type: Option<String>,
    timestamp: u64,
    count: u64,
    duplicates: u64,
}

/// Counts the deliveries of each event. `IdempotencyLayer` puts the outcome into the extensions of the response.
async fn record(
    State(events): State<Events>,
    Extension(event): Extension<VerifiedEvent>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    let mut events = events.lock().expect(NO_PANIC);
    let known = events.iter_mut().find(|known| known.id == event.id());
    match (response.extensions().get(), known) {
        (Some(Outcome::Processed), Some(known)) => known.count += 1,
        (Some(Outcome::Processed), None) => {
            if events.len() == 1_000 {
                events.remove(0);
            }
            events.push(Received {
                id: event.id().into(),
                r#type: event.event_type().ok().map(Into::into),
                timestamp: event.unix_seconds(),
                count: 1,
                duplicates: 0,
            });
        }
        (Some(Outcome::Replayed), known) => {
            println!("duplicate {}", event.id());
            if let Some(known) = known {
                known.duplicates += 1;
            }
        }
        (Some(outcome), _) => println!("{} {}", outcome.code(), event.id()),
        (None, _) => {}
    }
    response
}

/// Completes at Ctrl-C, or when a service manager sends SIGTERM.
async fn stop_signal() {
    #[cfg(unix)]
    if let Ok(mut terminate) = signal::unix::signal(signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = signal::ctrl_c().await;
}
