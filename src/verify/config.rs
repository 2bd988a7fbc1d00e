//! The configuration that a layer shares with its services.

use std::sync::Arc;

use super::responder::Responder;
#[cfg(feature = "json")]
use crate::signature::JsonPointer;
use crate::signature::Policy;

#[derive(Debug)]
pub(super) struct Config<K> {
    pub(super) key_source: Arc<K>,
    pub(super) policy: Policy,
    /// In bytes.
    pub(super) body_limit: usize,
    pub(super) responder: Responder,
    /// Where the type of an event stands. `None`: at the top-level `type`.
    #[cfg(feature = "json")]
    pub(super) event_type_at: Option<Arc<JsonPointer>>,
}

impl<K> Config<K> {
    pub(super) fn new(key_source: K, policy: Policy) -> Self {
        Self {
            key_source: Arc::new(key_source),
            policy,
            body_limit: 2 * 1024 * 1024,
            responder: Responder::Explain,
            #[cfg(feature = "json")]
            event_type_at: None,
        }
    }
}

// Not derived: the key source need not be `Clone`.
impl<K> Clone for Config<K> {
    fn clone(&self) -> Self {
        Self {
            key_source: Arc::clone(&self.key_source),
            policy: self.policy.clone(),
            body_limit: self.body_limit,
            responder: self.responder.clone(),
            #[cfg(feature = "json")]
            event_type_at: self.event_type_at.clone(),
        }
    }
}
