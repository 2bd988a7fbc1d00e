//! The layer, and how it is configured.

use std::sync::Arc;
use std::time::Duration;

use http::response;
use tower_layer::Layer;

use super::config::Config;
use super::key::EventKey;
use super::service::Idempotency;
use super::store::Store;
use crate::signature::VerifiedEvent;

/// Layer that applies [`Idempotency`], which lets the inner service process each verified event once.
///
/// See the [module docs](crate::idempotency) for an example, and [`SvixVerifyLayer`](crate::SvixVerifyLayer#with-axum)
/// for one with axum.
#[derive(Clone, Debug)]
#[must_use]
#[doc(alias = "deduplication")]
#[doc(alias = "duplicate")]
pub struct IdempotencyLayer {
    config: Config,
}

impl IdempotencyLayer {
    /// Creates a layer that remembers events in `store`.
    pub fn new(store: impl Store) -> Self {
        let config = Config::new(Arc::new(store));
        Self { config }
    }

    /// Sets the function that makes the key of an event. Deliveries with the same key are deliveries of the same event.
    /// Default: the tenant and the id, as in `EventKey::from(event)`.
    ///
    /// Use this for senders that give each attempt a new id, that give all events of an endpoint the same id, or that
    /// have the id in the payload. Include [`event.tenant()`](VerifiedEvent::tenant) in the key: otherwise one tenant
    /// can use up the ids of another. If a payload lacks the field that the key is made of, fall back to the default
    /// key.
    ///
    /// The function runs for each verified delivery before the store is asked, and blocks its thread. After you change
    /// the function, events that were processed before count as new.
    ///
    /// The store contains the key, in Redis as readable text, and so does the log when an operation on it fails. Make
    /// the key from ids or fingerprints, and not from anything that must stay secret.
    ///
    /// # Examples
    ///
    /// For a sender that gives several events one id, add the payload to the key:
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
    /// [Anthropic]: https://github.com/tower-svix/tower-svix/blob/main/docs/SENDERS.md#anthropic
    pub fn key<F>(mut self, key: F) -> Self
    where
        F: Fn(&VerifiedEvent) -> EventKey + Send + Sync + 'static,
    {
        self.config.key = Some(Arc::new(key));
        self
    }

    /// Sets the lease: how long a claim lasts if it is neither completed nor released. Default: 60 seconds.
    ///
    /// The lease must be longer than the inner service ever takes, including the time that an event waits for it. A
    /// timeout inside this layer, and limits [outside](super#placement) of it, ensure this.
    ///
    /// The lease must also be shorter than the sender's whole retry schedule. After a crash, attempts are answered with
    /// 503 until the lease has passed. If all attempts come before that, the event is lost. The schedules of Svix and
    /// of Standard Webhooks last for more than a day; look up the schedule of your sender. After a crash, wait until
    /// the lease has passed before you press "resend" in a sender's portal.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.config.lease = lease;
        self
    }

    /// Sets the retention: how long a processed event is remembered. Default: 96 hours.
    ///
    /// The retention must be longer than the longest gap between two attempts of the sender, which is up to 24 hours in
    /// usual schedules: the next attempt is a duplicate if the answer to the last one was lost. To cover a sender that
    /// loses one answer after another, it must be longer than the whole schedule: 34 hours with Svix, including jitter,
    /// 72 with OpenAI, and 76 with the schedule that Standard Webhooks suggests. An event that is sent again by hand
    /// after the retention is processed again.
    #[doc(alias = "ttl")]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.config.retention = retention;
        self
    }

    /// Sets which responses mean that the event was processed. Default: those with a 2xx status.
    ///
    /// After any other response, the sender's next attempt is processed. `processed` is not called for these responses,
    /// which never mean that the event was processed:
    ///
    /// - the response to a gRPC call that failed, which has HTTP status 200 and a `grpc-status` in its headers;
    /// - a rejection by another [`SvixVerifyLayer`](crate::SvixVerifyLayer) inside of this layer;
    /// - an answer of another [`IdempotencyLayer`] inside of this layer, unless its inner service processed the event.
    ///
    /// Only the head of the response counts. A body that breaks off later, or a streaming call that ends with another
    /// `grpc-status` in its trailers, makes no difference.
    ///
    /// # Example
    ///
    /// To end the attempts for an event that can never be processed, such as a payload that does not parse:
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

    /// Treats every delivery under the key of a completed event as a duplicate. Default: only those with the same
    /// payload.
    ///
    /// By default, a delivery with the key of a completed event and another payload is answered with 503, and
    /// [reported](super::Outcome::PayloadDiffers), because it may be an event that was never processed. Use this for a
    /// sender that changes the payload from one attempt to the next, for example because it includes an attempt number.
    pub fn any_payload(mut self) -> Self {
        self.config.any_payload = true;
        self
    }

    /// Calls the inner service even if the store cannot tell whether the event was processed already.
    ///
    /// By default, such a delivery is answered with 503, so that the sender tries again. With this option, while the
    /// store fails, an event is processed as often as it is delivered, possibly by several deliveries at once. Use it
    /// if a late event is worse than a duplicate.
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
