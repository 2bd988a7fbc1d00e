//! A fake Pulse on this machine, with the part of the API that the flow needs, and webhooks like those of Svix.
//!
//! The name of a document decides the end of its job: a job with `broken` in the name fails, and one with `large` or
//! `huge` has a result that can be downloaded only once.

mod jobs;
mod routes;
mod webhooks;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::net::TcpListener;

pub use self::jobs::{FakeJob, SIGNATURE};
pub use self::webhooks::{Delivery, Endpoint, sign};

/// A handle to the fake, which stops when the runtime is dropped.
#[derive(Clone, Debug)]
pub struct Fake {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    base: String,
    api_key: String,
    /// How long a job waits, and how long it runs after that.
    pace: Duration,
    state: Mutex<State>,
    http: reqwest::Client,
}

#[derive(Debug, Default)]
struct State {
    endpoint: Option<Endpoint>,
    jobs: std::collections::HashMap<String, FakeJob>,
    trouble: Option<Trouble>,
    large_results: Option<String>,
    deliveries: Vec<Delivery>,
    requests: Vec<String>,
}

/// A fault of the API.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// Every response has this status, and `Retry-After` in seconds if given.
    Answers(StatusCode, Option<u64>),
    /// No request gets a response.
    Hangs,
    /// All bytes of a large result are sent, but the response does not end.
    HoldsTheEndBack,
}

impl Fake {
    /// Starts the API on a free port of this machine.
    pub async fn start(api_key: &str, pace: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let shared = Shared {
            base: format!("http://{}", listener.local_addr()?),
            api_key: api_key.to_owned(),
            pace,
            state: Mutex::default(),
            http: reqwest_client(),
        };
        let fake = Self {
            shared: Arc::new(shared),
        };
        let routes = routes::routes(fake.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(fake)
    }

    /// Returns the base URL of the API.
    pub fn base(&self) -> &str {
        &self.shared.base
    }

    /// Sets the endpoint that events are sent to from now on, as the portal does.
    pub fn send_events_to(&self, endpoint: Endpoint) {
        self.state().endpoint = Some(endpoint);
    }

    /// Sets or clears the fault of the API. Webhooks are another service, and continue.
    pub fn trouble(&self, trouble: Option<Trouble>) {
        self.state().trouble = trouble;
    }

    /// Sets the base URL of large results from now on, without the last slash. Default: that of the API.
    pub fn large_results_at(&self, url: &str) {
        self.state().large_results = Some(url.to_owned());
    }

    /// Returns all deliveries with their responses.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state().deliveries.clone()
    }

    /// Returns all requests to the API, such as `GET /job/1`.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

fn reqwest_client() -> reqwest::Client {
    // Fails if there already is a provider, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(Duration::from_secs(15))
        .build()
        .expect("there is a TLS provider")
}
