//! How the middleware is configured.

use std::sync::Arc;
use std::time::Duration;

use http::response;
use tower_layer::Layer;

use super::config::Config;
use super::key::EventKey;
use super::service::Idempotency;
use super::store::Store;
use crate::signature::VerifiedEvent;

/// Layer that applies [`Idempotency`], which lets the inner service see each verified event once.
///
/// See the [module docs](crate::idempotency) for an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct IdempotencyLayer {
    config: Config,
}

impl IdempotencyLayer {
    /// Remembers events in `store`.
    pub fn new(store: impl Store) -> Self {
        let config = Config::new(Arc::new(store));
        Self { config }
    }

    /// Sets what makes two deliveries the same event. Default: the tenant and the id, as
    /// `EventKey::from(event)` takes them.
    ///
    /// For senders that give each attempt a new id, or each event of an endpoint the same one, or that have the id in the
    /// payload. Pass [`event.tenant()`](VerifiedEvent::tenant) on; otherwise one tenant can use up another's ids. A payload
    /// may lack what the key should be made of: fall back to the default key then.
    ///
    /// The function runs at each verified delivery before the store is asked, and holds up all else on its thread. After
    /// a change of it, events that were processed before count as new.
    ///
    /// # Examples
    ///
    /// For a sender that gives several events one id, the payload can be a part of the key:
    ///
    /// ```
    /// use tower_svix::IdempotencyLayer;
    /// use tower_svix::idempotency::{EventKey, Fingerprint, Store};
    ///
    /// fn layer(store: impl Store) -> IdempotencyLayer {
    ///     IdempotencyLayer::new(store).key(|event| {
    ///         let fingerprint = Fingerprint::of(event.payload());
    ///         EventKey::new(event.tenant(), &format!("{}:{fingerprint}", event.id()))
    ///     })
    /// }
    /// ```
    ///
    /// For a sender that has the id in the payload, see [Anthropic] on the page of senders.
    ///
    /// [Anthropic]: https://github.com/tower-svix/tower-svix/blob/HEAD/docs/SENDERS.md#anthropic
    ///
    /// The key stands in the store, as readable text in Redis, and in the log where something went wrong with it: make it of
    /// ids or of fingerprints, and not of what must stay secret.
    pub fn key<F>(mut self, key: F) -> Self
    where
        F: Fn(&VerifiedEvent) -> EventKey + Send + Sync + 'static,
    {
        self.config.key = Some(Arc::new(key));
        self
    }

    /// Sets how long a delivery has an event to itself. Default: 60 seconds.
    ///
    /// It must be longer than the inner service ever takes, the wait for room in it included: a timeout inside this
    /// layer, and limits [outside](super#placement) of it, see to that.
    ///
    /// And it must be shorter than the sender's whole schedule. After a crash, attempts are answered with 503 until the
    /// lease has passed: if all of them come before that, the event is lost. Svix and the schedule that Standard
    /// Webhooks suggests go on for more than a day; look up what your sender does. After a crash, wait for the lease before
    /// you press "resend" in a sender's portal.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.config.lease = lease;
        self
    }

    /// Sets how long a processed event is remembered. Default: 96 hours.
    ///
    /// It must be longer than the longest gap between two attempts of the sender, up to 24 hours in usual schedules: a
    /// duplicate comes when the answer was lost. To cover a sender that loses one answer after another, it must be longer
    /// than the whole schedule: 34 hours with Svix, jitter included, 72 with OpenAI, and 76 with the one that Standard
    /// Webhooks suggests. A delivery that is older than that, and replayed by hand, is processed again.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.config.retention = retention;
        self
    }

    /// Sets which responses mean that the event was processed. Default: those with a status of 2xx.
    ///
    /// Some responses never mean it, and `processed` is not asked about them:
    ///
    /// - a call of gRPC that failed, as `grpc-status` in the headers says: its HTTP status is 200;
    /// - a rejection by another [`SvixVerifyLayer`](crate::SvixVerifyLayer) inside of this layer;
    /// - an answer of another `IdempotencyLayer` inside, unless its inner service processed the event.
    ///
    /// The head of the response decides: that its body breaks off later, or ends with another `grpc-status` in its
    /// trailers as that of a streaming call can, comes too late.
    ///
    /// After any other response, the sender's next attempt is processed. To stop one that no attempt can help, such as a
    /// payload that will never parse, over HTTP:
    ///
    /// ```
    /// use http::StatusCode;
    /// use tower_svix::IdempotencyLayer;
    /// use tower_svix::idempotency::Store;
    ///
    /// fn layer(store: impl Store) -> IdempotencyLayer {
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

    /// Takes every payload under the key of a completed event for a duplicate of it. Default: only the same payload.
    ///
    /// By default, a delivery that has the key of a completed event and another payload is answered with 503, and
    /// [reported](super::Outcome::PayloadDiffers): it may be an event that was never processed. Use this for a sender that
    /// changes the payload from one attempt to the next, for example because it includes an attempt number.
    pub fn any_payload(mut self) -> Self {
        self.config.any_payload = true;
        self
    }

    /// Calls the inner service even if the store cannot tell whether the event was processed already.
    ///
    /// Default: such a delivery is answered with 503, so that the sender tries again. With this, an event is processed as
    /// often as it is delivered while the store is away, and by several deliveries at once. Use it if a late event is
    /// worse than a duplicate.
    pub fn fail_open(mut self) -> Self {
        self.config.fail_open = true;
        self
    }
}

impl<S> Layer<S> for IdempotencyLayer {
    type Service = Idempotency<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Idempotency::new(inner, Arc::new(self.config.clone()))
    }
}
