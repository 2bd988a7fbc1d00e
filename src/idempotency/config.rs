//! The configuration that a layer shares with its services.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::response;

use super::erased::ErasedStore;
use super::key::EventKey;
use super::outcome::Outcome;
use crate::grpc;
use crate::signature::VerifiedEvent;
use crate::verify::rejection::Rejection;

type Key = dyn Fn(&VerifiedEvent) -> EventKey + Send + Sync;
type IsProcessed = dyn Fn(&response::Parts) -> bool + Send + Sync;

#[derive(Clone)]
pub(super) struct Config {
    pub(super) store: Arc<dyn ErasedStore>,
    /// `None`: the key consists of the tenant and the id.
    pub(super) key: Option<Arc<Key>>,
    pub(super) lease: Duration,
    pub(super) retention: Duration,
    /// `None`: any 2xx means that the event was processed.
    pub(super) processed: Option<Arc<IsProcessed>>,
    pub(super) fail_open: bool,
    /// Whether every payload under the key of a completed event is a duplicate.
    pub(super) any_payload: bool,
}

impl Config {
    pub(super) fn new(store: Arc<dyn ErasedStore>) -> Self {
        Self {
            store,
            key: None,
            lease: Duration::from_secs(60),
            retention: Duration::from_secs(96 * 60 * 60),
            processed: None,
            fail_open: false,
            any_payload: false,
        }
    }

    pub(super) fn key(&self, event: &VerifiedEvent) -> EventKey {
        match &self.key {
            Some(key) => key(event),
            None => EventKey::from(event),
        }
    }

    /// Returns whether the inner service processed the event.
    ///
    /// The responses of inner layers of this crate are checked first: they answer a gRPC call that is to be retried
    /// with HTTP 200, which a predicate on the status would take for success.
    pub(super) fn is_processed(&self, response: &response::Parts) -> bool {
        if response.extensions.get::<Rejection>().is_some() {
            return false;
        }
        match response.extensions.get::<Outcome>() {
            Some(Outcome::Replayed) => return true,
            Some(outcome) if !outcome.may_be_processed() => return false,
            _ => {}
        }
        !grpc::is_failure(&response.headers)
            && match &self.processed {
                Some(processed) => processed(response),
                None => response.status.is_success(),
            }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match self.key {
            Some(_) => "custom",
            None => "tenant and id",
        };
        let processed = match self.processed {
            Some(_) => "custom",
            None => "2xx",
        };
        f.debug_struct("Config")
            .field("key", &key)
            .field("lease", &self.lease)
            .field("retention", &self.retention)
            .field("processed", &processed)
            .field("fail_open", &self.fail_open)
            .field("any_payload", &self.any_payload)
            .finish_non_exhaustive()
    }
}
