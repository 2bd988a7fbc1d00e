//! The receiver behind the proxy: verification and idempotency over hyper, and a record for the test.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::sync::{Notify, watch};
use tower::{ServiceBuilder, ServiceExt as _, service_fn};
use tower_svix::idempotency::{MemoryStore, Outcome};
use tower_svix::{IdempotencyLayer, SvixVerifyLayer, VerifiedBody, VerifiedEvent};
use tower_svix_tests::hyper_server;
use tower_svix_tests::net::{Delivery, layer, within};

#[derive(Default)]
pub(crate) struct Seen {
    /// The headers of all requests, verified or not.
    pub(crate) requests: Vec<HeaderMap>,
    /// The number of requests that are neither answered nor dropped.
    pub(crate) open: usize,
    /// The number of handlers that have started.
    pub(crate) started: usize,
    /// The ids and bodies of the events whose handler has finished.
    pub(crate) processed: Vec<(String, Bytes)>,
    /// The outcome of each verified delivery.
    pub(crate) outcomes: Vec<Outcome>,
}

#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    seen: Arc<watch::Sender<Seen>>,
    script: Arc<Script>,
}

/// The failures that a test asks for.
#[derive(Default)]
struct Script {
    /// The next handler waits for `release`.
    hold: AtomicBool,
    release: Notify,
    /// The next response is lost with its connection.
    lose: AtomicBool,
}

/// Counts a request for as long as it is open.
struct Open(Arc<watch::Sender<Seen>>);

impl Open {
    fn new(seen: &Arc<watch::Sender<Seen>>, headers: &HeaderMap) -> Self {
        seen.send_modify(|seen| {
            seen.requests.push(headers.clone());
            seen.open += 1;
        });
        Self(Arc::clone(seen))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|seen| seen.open -= 1);
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::with(layer(), &Arc::default()).await
    }

    /// Starts two receivers that share a store.
    pub(crate) async fn pair() -> [Self; 2] {
        let store = Arc::default();
        [
            Self::with(layer(), &store).await,
            Self::with(layer(), &store).await,
        ]
    }

    pub(crate) async fn with(layer: SvixVerifyLayer, store: &Arc<MemoryStore>) -> Self {
        let seen = Arc::new(watch::Sender::new(Seen::default()));
        let script = Arc::new(Script::default());
        let handle = {
            let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
            move |request| handle(request, Arc::clone(&seen), Arc::clone(&script))
        };
        let verified = ServiceBuilder::new()
            .layer(layer)
            .layer(IdempotencyLayer::new(Arc::clone(store)))
            .service_fn(handle);
        let service = {
            let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
            service_fn(move |request: Request<Incoming>| {
                let open = Open::new(&seen, request.headers());
                let response = verified.clone().oneshot(request);
                let script = Arc::clone(&script);
                async move {
                    let Ok(response) = response.await;
                    if let Some(outcome) = response.extensions().get() {
                        open.0.send_modify(|seen| seen.outcomes.push(*outcome));
                    }
                    if script.lose.swap(false, Ordering::SeqCst) {
                        return Err(io::Error::from(io::ErrorKind::ConnectionReset));
                    }
                    Ok(response)
                }
            })
        };
        Self {
            address: hyper_server::serve(service).await,
            seen,
            script,
        }
    }

    /// Makes the next handler wait until it is released.
    pub(crate) fn hold_next(&self) {
        self.script.hold.store(true, Ordering::SeqCst);
    }

    pub(crate) fn release(&self) {
        self.script.release.notify_one();
    }

    /// Loses the next response with its connection, after the handler has finished.
    pub(crate) fn lose_next_answer(&self) {
        self.script.lose.store(true, Ordering::SeqCst);
    }

    pub(crate) fn seen(&self) -> watch::Ref<'_, Seen> {
        self.seen.borrow()
    }

    /// Waits until what was seen matches.
    pub(crate) async fn until(&self, is: impl FnMut(&Seen) -> bool) {
        let mut seen = self.seen.subscribe();
        within(seen.wait_for(is)).await.unwrap();
    }

    /// Asserts that the handlers have finished for exactly these deliveries, with exactly their bytes.
    #[track_caller]
    pub(crate) fn assert_processed(&self, expected: &[&Delivery]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|delivery| (delivery.id.clone(), delivery.body.clone()))
            .collect();
        assert_eq!(self.seen().processed, expected);
    }

    /// Returns the values of a header in the latest request.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let seen = self.seen();
        let latest = seen.requests.last().expect("a request has arrived");
        let values = latest.get_all(name).iter();
        values
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    }
}

async fn handle(
    request: Request<VerifiedBody>,
    seen: Arc<watch::Sender<Seen>>,
    script: Arc<Script>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let event: &VerifiedEvent = request.extensions().get().expect("it is verified");
    seen.send_modify(|seen| seen.started += 1);
    if script.hold.swap(false, Ordering::SeqCst) {
        script.release.notified().await;
    }
    let processed = (event.id().to_owned(), event.payload().clone());
    seen.send_modify(|seen| seen.processed.push(processed));
    let text = "a text that is worth compressing ".repeat(64);
    let mut response = Response::new(text.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}
