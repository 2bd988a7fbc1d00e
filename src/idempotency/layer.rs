//! How the middleware is configured.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::response;
use tower_layer::Layer;

use super::service::Idempotency;
use super::store::Store;
use crate::signature::envelope::is_grpc_failure;

/// Layer that applies [`Idempotency`], which lets the inner service see each verified event once.
///
/// See the [module docs](crate::idempotency) for an example.
#[must_use]
pub struct IdempotencyLayer<St> {
    store: Arc<St>,
    config: Config,
}

type IsProcessed = dyn Fn(&response::Parts) -> bool + Send + Sync;

/// What a layer and the services that it makes have in common.
#[derive(Clone)]
pub(super) struct Config {
    pub(super) lease: Duration,
    pub(super) retention: Duration,
    /// `None`: any 2xx is, unless gRPC says otherwise.
    processed: Option<Arc<IsProcessed>>,
    pub(super) processes_without_store: bool,
}

impl<St: Store> IdempotencyLayer<St> {
    /// Remembers events in `store`.
    pub fn new(store: St) -> Self {
        Self {
            store: Arc::new(store),
            config: Config {
                lease: Duration::from_secs(60),
                retention: Duration::from_secs(48 * 60 * 60),
                processed: None,
                processes_without_store: false,
            },
        }
    }

    /// How long a delivery has an event to itself. Default: 60 seconds.
    ///
    /// It must be longer than the inner service ever takes, the wait for room in it included: a time-out inside this
    /// layer, and limits [outside](super#placement) of it, see to that. It is also how long an event waits for another
    /// attempt after a crash.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.config.lease = lease;
        self
    }

    /// How long a processed event is remembered. Default: 48 hours.
    ///
    /// It must be longer than the longest gap between two attempts of the sender, up to 24 hours in usual schedules: a
    /// duplicate comes when the answer was lost. To cover a sender that loses one answer after another, it must be longer
    /// than the whole schedule: 34 hours with Svix, jitter included, and 76 with the one that Standard Webhooks suggests.
    /// A delivery that is older than that, and replayed by hand, is processed again.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.config.retention = retention;
        self
    }

    /// Which responses mean that the event was processed. Default: those with a status of 2xx, unless a `grpc-status` in
    /// their headers says that the call failed.
    ///
    /// The head of the response decides: that its body breaks off later, or ends with another `grpc-status` in its
    /// trailers as that of a streaming call can, comes too late.
    ///
    /// After any other response, the sender's next attempt is processed. To stop one that no attempt can help, such as a
    /// payload that will never parse:
    ///
    /// ```
    /// use http::StatusCode;
    /// use tower_svix::idempotency::{IdempotencyLayer, Store};
    ///
    /// fn layer<St: Store>(store: St) -> IdempotencyLayer<St> {
    ///     IdempotencyLayer::new(store).processed_if(|response| {
    ///         response.status.is_success() || response.status == StatusCode::UNPROCESSABLE_ENTITY
    ///     })
    /// }
    /// ```
    pub fn processed_if<F>(mut self, processed: F) -> Self
    where
        F: Fn(&response::Parts) -> bool + Send + Sync + 'static,
    {
        self.config.processed = Some(Arc::new(processed));
        self
    }

    /// Calls the inner service even if the store cannot tell whether the event was processed already.
    ///
    /// Default: such a delivery is answered with 503, so that the sender tries again. With this, an event is processed as
    /// often as it is delivered while the store is away, and by several deliveries at once. Use it if a late event is
    /// worse than a duplicate.
    pub fn risk_duplicates_when_the_store_fails(mut self) -> Self {
        self.config.processes_without_store = true;
        self
    }
}

impl Config {
    pub(super) fn is_processed(&self, response: &response::Parts) -> bool {
        match &self.processed {
            Some(processed) => processed(response),
            None => response.status.is_success() && !is_grpc_failure(&response.headers),
        }
    }
}

impl<S, St: Store> Layer<S> for IdempotencyLayer<St> {
    type Service = Idempotency<S, St>;

    fn layer(&self, inner: S) -> Self::Service {
        Idempotency::new(
            inner,
            Arc::clone(&self.store),
            Arc::new(self.config.clone()),
        )
    }
}

/// Shares the store, which need not be `Clone`.
impl<St> Clone for IdempotencyLayer<St> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            config: self.config.clone(),
        }
    }
}

impl<St> fmt::Debug for IdempotencyLayer<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyLayer")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processed = match self.processed {
            Some(_) => "custom",
            None => "2xx",
        };
        f.debug_struct("Config")
            .field("lease", &self.lease)
            .field("retention", &self.retention)
            .field("processed", &processed)
            .field("processes_without_store", &self.processes_without_store)
            .finish()
    }
}
