//! A sender that delivers each event to all receivers until they acknowledge it, among forged and stale deliveries.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Collected, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::event::Event;
use super::forgery::Bogus;
use super::history::{Answer, Attempt, History, now};
use super::processes::RECEIVERS;

const EVENTS_PER_SECOND: u32 = 50;
/// Svix waits as long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// Shorter than the time after which receivers close an idle connection, so that none is used while it closes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_IN_FLIGHT: usize = 128;
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// The address of a receiver, and the record of its deliveries.
pub(crate) struct Endpoint {
    /// `None` while the receiver does not run.
    address: Mutex<Option<SocketAddr>>,
    client: Client<HttpConnector, Full<Bytes>>,
    in_flight: Semaphore,
    history: Mutex<History>,
}

impl Endpoint {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self {
            address: Mutex::default(),
            client,
            in_flight: Semaphore::new(MAX_IN_FLIGHT),
            history: Mutex::default(),
        }
    }

    pub(crate) fn is_at(&self, address: Option<SocketAddr>) {
        *self.address.lock().unwrap() = address;
    }

    pub(crate) fn body_bytes(&self) -> u64 {
        self.history.lock().unwrap().body_bytes
    }

    /// Returns the record so far, and removes it.
    pub(crate) fn take_history(&self) -> History {
        std::mem::take(&mut self.history.lock().unwrap())
    }

    async fn deliver_event(&self, event: &Event) {
        let first = event.headers();
        let copies = (0..event.at_once).map(|_| self.deliver(event, &first));
        if !join_all(copies).await.contains(&true) {
            self.deliver_until_acknowledged(event).await;
        }
        if let Some(delay) = event.resent_after {
            sleep(delay).await;
            self.deliver_until_acknowledged(event).await;
        }
    }

    /// Each attempt has its own timestamp and signature.
    async fn deliver_until_acknowledged(&self, event: &Event) {
        let mut backoff = FIRST_BACKOFF;
        while !self.deliver(event, &event.headers()).await {
            sleep(backoff.mul_f64(rand::random_range(0.5..1.0))).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }

    /// Returns whether the event was acknowledged.
    async fn deliver(&self, event: &Event, headers: &HeaderMap) -> bool {
        let Some(attempt) = self.send(headers.clone(), event.body.clone()).await else {
            return false;
        };
        let mut history = self.history.lock().unwrap();
        history
            .genuine
            .entry(event.id.clone())
            .or_default()
            .push(attempt);
        attempt.is_acknowledged()
    }

    async fn deliver_bogus(&self, bogus: Bogus) {
        if let Some(attempt) = self.send(bogus.headers, bogus.body).await {
            self.history
                .lock()
                .unwrap()
                .bogus
                .push((bogus.flaw, attempt));
        }
    }

    /// Sends one request, unless the receiver does not run.
    async fn send(&self, headers: HeaderMap, body: Bytes) -> Option<Attempt> {
        let _slot = self.in_flight.acquire().await.unwrap();
        let sent = now();
        let address = (*self.address.lock().unwrap())?;
        self.history.lock().unwrap().body_bytes += body.len() as u64;
        let mut request = Request::post(format!("http://{address}/webhook"))
            .body(Full::new(body))
            .unwrap();
        request.headers_mut().extend(headers);
        let answer = timeout(ANSWER_TIMEOUT, self.answer(request))
            .await
            .unwrap_or(Answer::TimedOut);
        let ended = now();
        Some(Attempt {
            sent,
            ended,
            answer,
        })
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Answer {
        let Ok(response) = self.client.request(request).await else {
            return Answer::Lost;
        };
        let (head, body) = response.into_parts();
        // The body is read to its end, so that the connection can be used again.
        let body = body.collect().await;
        let body = body.map(Collected::to_bytes).unwrap_or_default();
        let code = |code: &str| body.windows(code.len()).any(|part| part == code.as_bytes());
        match head.status {
            StatusCode::OK if head.headers.contains_key("idempotency-replayed") => Answer::Replayed,
            StatusCode::OK if code("stored before") => Answer::StoredBefore,
            StatusCode::OK => Answer::Processed,
            StatusCode::ACCEPTED => Answer::Stored,
            StatusCode::SERVICE_UNAVAILABLE if code("event-in-progress") => Answer::InProgress,
            StatusCode::SERVICE_UNAVAILABLE if code("store-unavailable") => Answer::Unavailable,
            StatusCode::SERVICE_UNAVAILABLE => Answer::TimedOut,
            StatusCode::UNAUTHORIZED => Answer::Rejected,
            other => Answer::Other(other.as_u16()),
        }
    }
}

/// Sends new events until `done`, then waits until all of them are acknowledged. Returns the events.
pub(crate) async fn run(
    endpoints: [Arc<Endpoint>; RECEIVERS],
    resend: Duration,
    mut rng: StdRng,
    done: Arc<AtomicBool>,
) -> Vec<Sent> {
    let mut sent = Vec::new();
    let mut deliveries = JoinSet::new();
    let mut ticks = interval(Duration::from_secs(1) / EVENTS_PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !done.load(Ordering::Relaxed) {
        ticks.tick().await;
        let number = sent.len() as u64;
        let event = Arc::new(Event::random(number, resend, &mut rng));
        let mut bogus = Vec::new();
        if event.is_impersonated {
            bogus.push(Bogus::forged(&event.id, &mut rng));
        }
        if rng.random_ratio(2, 5) {
            bogus.push(Bogus::forged(&format!("forged_{number}"), &mut rng));
        }
        if rng.random_ratio(1, 5) {
            bogus.push(Bogus::stale(&format!("stale_{number}"), &mut rng));
        }
        for endpoint in &endpoints {
            for bogus in bogus.clone() {
                let endpoint = Arc::clone(endpoint);
                deliveries.spawn(async move { endpoint.deliver_bogus(bogus).await });
            }
            let (endpoint, event) = (Arc::clone(endpoint), Arc::clone(&event));
            deliveries.spawn(async move { endpoint.deliver_event(&event).await });
        }
        sent.push(Sent {
            id: event.id.clone(),
            account: event.account.clone(),
            pages: event.pages,
        });
        while let Some(ended) = deliveries.try_join_next() {
            ended.unwrap();
        }
    }
    deliveries.join_all().await;
    sent
}

/// A genuine event that was delivered, and its expected effect.
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) pages: u32,
}
