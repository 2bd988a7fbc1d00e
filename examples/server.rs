//! A webhook receiver on axum: the example to begin with.
//!
//! ```text
//! cargo run --example server
//! ```
//!
//! - `POST /webhook` takes deliveries that are signed with a secret in `WEBHOOK_SECRET`, which holds two during a
//!   rotation, separated by a space. Without it, a random secret is made, and `LISTEN` must be a loopback address.
//! - `GET /events` lists the latest 1,000 events, to everyone who can reach it.
//! - `LISTEN` is the address to listen on, `127.0.0.1:3000` by default.
//! - With `EXPLAIN=1`, or a secret that it has made itself, it says why a delivery is rejected. That is for development: it
//!   takes far more work than verification does.
//!
//! `examples/production` is the same receiver with what the Internet demands: limits, timeouts, metrics, Redis.
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
        // This error would repeat the text.
        Err(env::VarError::NotUnicode(_)) => return Err("WEBHOOK_SECRET is not UTF-8".into()),
    };
    let keys = text.parse::<Keyring>();
    let keys = keys.map_err(|error| format!("WEBHOOK_SECRET: {error}"))?;

    let events = Events::default();
    // The last layer is the outermost: a delivery is verified, and then received unless it is a duplicate.
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
        // With a random secret it would look healthy, and reject every genuine delivery.
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
    // An event is acknowledged even if its payload is not understood: sent again, it would be the same.
    let event_type = event.event_type().unwrap_or("(no type)".into());
    // A payload may hold anything, such as a line that looks like one of ours.
    println!("event {} {}", event_type.escape_debug(), event.id());
    format!("received {}\n", event.id())
}

/// Says why a request was rejected: `SvixVerifyLayer` leaves the cause in the response.
async fn report_rejection(response: Response) -> Response {
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        println!("rejected {}: {rejection}", rejection.code());
    }
    response
}

/// Says why a delivery does not verify, and what to do about it: what `webhook explain` says of a request in a file.
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
        // The first line is the verdict, which is printed already.
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

/// Counts each event and its duplicates: `IdempotencyLayer` leaves the outcome in the response.
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

/// Ends at Ctrl-C, and at the SIGTERM of a service manager.
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
