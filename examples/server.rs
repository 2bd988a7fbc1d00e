//! A webhook receiver on axum, fit to be copied.
//!
//! ```text
//! cargo run --example server
//! ```
//!
//! - `POST /webhook` takes deliveries that are signed with one of the secrets in `WEBHOOK_SECRET`, which are separated
//!   by white space: two of them during a rotation. Without the variable, a random secret is made and shown if `LISTEN`
//!   is a loopback address; otherwise that is an error.
//! - `GET /events` lists what was received so far, and `GET /metrics` shows the numbers of the layers to Prometheus. Both
//!   are open to everyone who can reach them: in production, leave them out or guard them.
//! - An event is processed once, however often it is delivered. `REDIS_URL` is the Redis that remembers events, for any
//!   number of servers and across restarts. Without the variable, this process remembers them.
//! - `LISTEN` is the address to listen on, `127.0.0.1:3000` by default. It speaks HTTP/1.1: where deliveries come from
//!   the Internet, put a proxy in front of it that ends TLS.

use std::collections::{HashMap, VecDeque};
use std::env;
use std::error::Error;
use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::serve::{Listener, ListenerExt as _};
use axum::{Extension, Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use redis::aio::ConnectionManager;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::signal;
use tokio::sync::Semaphore;
use tokio::time::{interval, timeout};
use tokio_io_timeout::TimeoutStream;
use tower_http::timeout::TimeoutLayer;
use tower_svix::generate::{self, SecretText};
use tower_svix::idempotency::{MemoryStore, Outcome, RedisStore, Store};
use tower_svix::{IdempotencyLayer, Rejection, Secret, SvixVerifyLayer, VerifiedEvent};

/// How many connections are open at once. Each holds at most one body, of up to `BODY_LIMIT` bytes.
const MAX_CONNECTIONS: usize = 512;
const BODY_LIMIT: usize = 1024 * 1024;
/// How long the head of a request may take, and a connection without a request may stay open.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request may take from then on, body included. Svix gives up after 15 seconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may let its response wait.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the requests at hand may take when the server is told to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// How often the numbers are tidied up.
const TIDY_PERIOD: Duration = Duration::from_secs(5);
/// How many events are remembered: the latest.
const MAX_EVENTS: usize = 10_000;

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
    let stop = stop_signal()?;
    let (secrets, made_up) = secrets()?;
    let metrics = PrometheusBuilder::new().install_recorder()?;
    tokio::spawn(tidy(metrics.clone()));
    let router = match env::var("REDIS_URL") {
        Ok(url) => router(
            secrets,
            // The prefix is of this receiver alone: two that share it would share the events.
            RedisStore::new(redis_connection(&url).await?, "webhook:"),
            metrics,
        ),
        Err(_) => router(secrets, MemoryStore::new(), metrics),
    };
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = TcpListener::bind(&address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}; LISTEN can name another address")
    })?;

    let address = listener.local_addr()?;
    if made_up.is_some() && !address.ip().is_loopback() {
        // With a random secret it would look healthy, and refuse every genuine delivery.
        return Err(
            "WEBHOOK_SECRET is not set: without it, LISTEN must be a loopback address".into(),
        );
    }
    say(format_args!("listening on http://{address}"));
    if let Some(secret) = made_up {
        say(format_args!(
            "WEBHOOK_SECRET is not set, so this run uses a random secret. Deliver a first event with\n\n  \
             cargo run --example send -- --url http://{address}/webhook --secret {}\n",
            secret.expose()
        ));
    }
    serve(listener, router, stop).await;
    say(format_args!("stopped"));
    Ok(())
}

/// The recorder keeps each value that was measured until it is told to sum them up, or is asked for the numbers: if nobody
/// asked for long, they would fill the memory.
async fn tidy(metrics: PrometheusHandle) {
    let mut ticks = interval(TIDY_PERIOD);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}

/// A connection that repairs itself. Errors do not repeat the URL, which may hold a password.
async fn redis_connection(url: &str) -> Result<ConnectionManager, String> {
    let client = redis::Client::open(url).map_err(|error| format!("REDIS_URL: {error}"))?;
    client
        .get_connection_manager()
        .await
        .map_err(|error| format!("cannot connect to REDIS_URL: {error}"))
}

fn router(secrets: Vec<Secret>, store: impl Store, metrics: PrometheusHandle) -> Router {
    let events = Arc::<Mutex<Events>>::default();
    // The last layer is the outermost.
    let webhook = post(receive)
        .route_layer(IdempotencyLayer::new(store))
        .route_layer(middleware::from_fn_with_state(
            Arc::clone(&events),
            report_duplicate,
        ))
        .route_layer(SvixVerifyLayer::new(secrets).body_limit(BODY_LIMIT));
    Router::new()
        .route("/webhook", webhook)
        .route("/events", get(list))
        .route("/metrics", get(async move || metrics.render()))
        .layer(middleware::map_response(report_refusal))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            REQUEST_TIMEOUT,
        ))
        .with_state(events)
}

/// Runs once for each verified event.
async fn receive(
    State(events): State<Arc<Mutex<Events>>>,
    Extension(event): Extension<VerifiedEvent>,
) -> String {
    #[derive(Deserialize)]
    struct Payload {
        r#type: String,
    }
    // A genuine event is acknowledged even if its payload is not understood: sent again, it would be the same.
    let event_type = serde_json::from_slice(event.payload())
        .ok()
        .map(|Payload { r#type }| r#type.chars().take(64).collect());
    let received = lock(&events).record(Received {
        id: event.id().into(),
        r#type: event_type,
        timestamp: event.unix_seconds(),
        count: 1,
        duplicates: 0,
    });
    say(format_args!("event {received}"));
    format!("received {received}\n")
}

async fn list(State(events): State<Arc<Mutex<Events>>>) -> Json<Vec<Received>> {
    Json(lock(&events).list())
}

/// Counts a duplicate, and says what else became of an event: the layer leaves the outcome in the response.
async fn report_duplicate(
    State(events): State<Arc<Mutex<Events>>>,
    Extension(event): Extension<VerifiedEvent>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    match response.extensions().get::<Outcome>() {
        None | Some(Outcome::Processed) => {}
        Some(Outcome::Replayed) => match lock(&events).record_duplicate(event.id()) {
            Some(known) => say(format_args!("duplicate {known}")),
            None => say(format_args!(
                "duplicate {} (of an earlier run or another server)",
                event.id()
            )),
        },
        Some(outcome) => say(format_args!("{} {}: {outcome}", outcome.code(), event.id())),
    }
    response
}

/// Says why a request was refused: the layer leaves the cause in the response.
async fn report_refusal(response: Response) -> Response {
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        say(format_args!("refused {}: {rejection}", rejection.code()));
    }
    response
}

/// An event, and how often it was delivered.
#[derive(Clone, Serialize)]
struct Received {
    id: String,
    r#type: Option<String>,
    /// When it was first sent, in seconds since 1970.
    timestamp: u64,
    /// How often it was processed: once, unless the store forgot it or could not be told.
    count: u64,
    /// How often it was delivered in vain.
    duplicates: u64,
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `escape_debug`, since a payload may hold anything, such as a line that looks like one of ours.
        let event_type = self.r#type.as_deref().unwrap_or("(no type)").escape_debug();
        let delivery = self.count + self.duplicates;
        write!(f, "{event_type} {} (delivery {delivery})", self.id)
    }
}

/// The latest events, in the order in which they first arrived.
#[derive(Default)]
struct Events {
    latest: VecDeque<Received>,
    /// The number of each event, counted from the first that ever arrived.
    numbers: HashMap<String, usize>,
    forgotten: usize,
}

impl Events {
    fn record(&mut self, event: Received) -> Received {
        if let Some(number) = self.numbers.get(&event.id) {
            let known = &mut self.latest[number - self.forgotten];
            known.count += 1;
            return known.clone();
        }
        if self.latest.len() == MAX_EVENTS
            && let Some(oldest) = self.latest.pop_front()
        {
            self.numbers.remove(&oldest.id);
            self.forgotten += 1;
        }
        let number = self.forgotten + self.latest.len();
        self.numbers.insert(event.id.clone(), number);
        self.latest.push_back(event.clone());
        event
    }

    /// Returns nothing if the event was not processed here, or is no longer remembered.
    fn record_duplicate(&mut self, id: &str) -> Option<Received> {
        let number = self.numbers.get(id)?;
        let known = &mut self.latest[number - self.forgotten];
        known.duplicates += 1;
        Some(known.clone())
    }

    fn list(&self) -> Vec<Received> {
        self.latest.iter().cloned().collect()
    }
}

/// The list holds after each step of `record`, so a panic elsewhere does not spoil it.
fn lock(events: &Mutex<Events>) -> MutexGuard<'_, Events> {
    events.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves until `stop`, and then gives the requests at hand a moment to end.
///
/// This is `axum::serve` with limits: `axum::serve` takes any number of connections, waits for the head of a request
/// without end, and for a client to read its response.
async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(64 * 1024);
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });

    let accept = async {
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            let (stream, _) = listener.accept().await;
            let mut stream = TimeoutStream::new(stream);
            stream.set_write_timeout(Some(WRITE_TIMEOUT));
            let stream = TokioIo::new(Box::pin(stream));
            let service = TowerToHyperService::new(router.clone());
            let connection = graceful.watch(http.serve_connection(stream, service));
            tokio::spawn(async move {
                // An error means that the client is gone, slow, or does not speak HTTP.
                let _ = connection.await;
                drop(slot);
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = stop => {}
    }
    drop(listener);
    let _ = timeout(SHUTDOWN_GRACE, graceful.shutdown()).await;
}

/// Resolves at SIGTERM or Ctrl-C.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = signal::ctrl_c().await;
    })
}

/// The secrets in `WEBHOOK_SECRET`, or a random one together with its text.
fn secrets() -> Result<(Vec<Secret>, Option<SecretText>), Box<dyn Error>> {
    let Some(text) = env::var_os("WEBHOOK_SECRET") else {
        let text = generate::secret(generate::DEFAULT_SECRET_LEN)?;
        return Ok((vec![text.expose().parse()?], Some(text)));
    };
    // Neither message may repeat the text: standard error ends up in logs.
    let text = text
        .into_string()
        .map_err(|_| "WEBHOOK_SECRET is not UTF-8")?;
    let secrets = text
        .split_whitespace()
        .enumerate()
        .map(|(index, secret)| {
            let number = index + 1;
            secret
                .parse()
                .map_err(|error| format!("WEBHOOK_SECRET, secret {number}: {error}"))
        })
        .collect::<Result<Vec<Secret>, _>>()?;
    if secrets.is_empty() {
        return Err("WEBHOOK_SECRET is empty: unset it to have a random secret made".into());
    }
    Ok((secrets, None))
}

/// Prints a line. Unlike `println!` it does not panic when nobody reads, as after `server | head`: deliveries go on.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}
