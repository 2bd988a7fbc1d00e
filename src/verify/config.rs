//! The configuration that a layer shares with its services.

use std::borrow::Cow;
use std::sync::Arc;

use super::memory::MemoryLimit;
use super::responder::Responder;
#[cfg(feature = "json")]
use crate::signature::JsonPointer;
use crate::signature::{Policy, VerifiedEvent};
use crate::telemetry::RejectionLog;

/// Up to this length, the span tells the type of an event: to find it takes a walk through the payload.
#[cfg(feature = "json")]
const MAX_TYPED_LEN: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Config<K> {
    pub(super) key_source: Arc<K>,
    pub(super) policy: Policy,
    /// In bytes.
    pub(super) body_limit: usize,
    /// That of all services of the layer together.
    pub(super) memory_limit: Option<Arc<MemoryLimit>>,
    pub(super) responder: Responder,
    /// One for the layer and all services that it makes, which may be one for each route.
    pub(super) log: Arc<RejectionLog>,
    /// Where the type of an event stands, for its span.
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

    /// The type of an event, for its span.
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
