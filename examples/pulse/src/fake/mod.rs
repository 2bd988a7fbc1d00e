//! A Pulse that runs on this machine: the part of the API that the flow needs, and webhooks like those of Svix.
//!
//! What becomes of a document, its name says: one with `broken` in it fails, and one with `large` or `huge` has a result that
//! can be downloaded once.

mod jobs;
mod routes;
mod webhooks;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::net::TcpListener;

pub use self::jobs::{FakeJob, SIGNATURE};
pub use self::webhooks::{Delivery, Endpoint, sign};

/// The fake, which stops when the last clone is dropped with the runtime.
#[derive(Clone, Debug)]
pub struct Fake {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    base: String,
    api_key: String,
    /// How long a job waits, and then how long it runs.
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

/// What is wrong with the API.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// Every request is answered with this status, and `Retry-After` in seconds if there is one.
    Answers(StatusCode, Option<u64>),
    /// No request is answered.
    Hangs,
    /// Of a large result, all comes but the word that this is the end.
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

    /// The base URL of the API.
    pub fn base(&self) -> &str {
        &self.shared.base
    }

    /// Where events go from now on, as one would configure it in the portal.
    pub fn send_events_to(&self, endpoint: Endpoint) {
        self.state().endpoint = Some(endpoint);
    }

    /// Breaks the API, or mends it. Webhooks are another service, and go on.
    pub fn trouble(&self, trouble: Option<Trouble>) {
        self.state().trouble = trouble;
    }

    /// Where large results are said to be from now on, without the last slash. By default, they are at the API.
    pub fn large_results_at(&self, url: &str) {
        self.state().large_results = Some(url.to_owned());
    }

    /// Every attempt to deliver an event, with the answer.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state().deliveries.clone()
    }

    /// Every request to the API, such as `GET /job/1`.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

fn reqwest_client() -> reqwest::Client {
    // Fails if there is one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(Duration::from_secs(15))
        .build()
        .expect("there is a TLS provider")
}
