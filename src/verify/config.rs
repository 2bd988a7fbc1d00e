//! The configuration that a layer shares with its services.

use std::borrow::Cow;
use std::sync::Arc;

use super::memory::MemoryLimit;
use super::responder::Responder;
#[cfg(feature = "json")]
use crate::signature::JsonPointer;
use crate::signature::{Policy, VerifiedEvent};
use crate::telemetry::RejectionLog;

/// The longest payload, in bytes, whose type the span records: finding the type takes a walk through the payload.
#[cfg(feature = "json")]
const MAX_TYPED_LEN: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Config<K> {
    pub(super) key_source: Arc<K>,
    pub(super) policy: Policy,
    /// In bytes.
    pub(super) body_limit: usize,
    /// Shared by all services of the layer.
    pub(super) memory_limit: Option<Arc<MemoryLimit>>,
    pub(super) responder: Responder,
    /// Shared by the layer and all its services: there may be one service for each route.
    pub(super) log: Arc<RejectionLog>,
    /// Where the payload has the type of its event, for the span.
    #[cfg(feature = "json")]
    pub(super) event_type_at: JsonPointer<'static>,
}

impl<K> Config<K> {
    pub(super) fn new(key_source: K, policy: Policy) -> Self {
        Self {
            key_source: Arc::new(key_source),
            policy,
            body_limit: 2 * 1024 * 1024,
            memory_limit: None,
            responder: Responder::Explain,
            log: Arc::default(),
            #[cfg(feature = "json")]
            event_type_at: JsonPointer::TYPE,
        }
    }

    /// Returns the type of an event, for its span.
    #[cfg(feature = "json")]
    pub(super) fn event_type<'e>(&self, event: &'e VerifiedEvent) -> Option<Cow<'e, str>> {
        if event.payload().len() > MAX_TYPED_LEN {
            return None;
        }
        event.text_at(&self.event_type_at).ok()
    }

    #[cfg(not(feature = "json"))]
    #[expect(clippy::unused_self, reason = "it is needed with JSON")]
    pub(super) fn event_type<'e>(&self, _: &'e VerifiedEvent) -> Option<Cow<'e, str>> {
        None
    }
}

// Not derived: the key source need not be `Clone`.
impl<K> Clone for Config<K> {
    fn clone(&self) -> Self {
        Self {
            key_source: Arc::clone(&self.key_source),
            policy: self.policy.clone(),
            body_limit: self.body_limit,
            memory_limit: self.memory_limit.clone(),
            responder: self.responder.clone(),
            log: Arc::clone(&self.log),
            #[cfg(feature = "json")]
            event_type_at: self.event_type_at.clone(),
        }
    }
}
