//! The configuration that a layer shares with its services.

use std::sync::Arc;

use super::responder::Responder;
use crate::signature::Policy;

#[derive(Debug)]
pub(super) struct Config<K> {
    pub(super) key_source: Arc<K>,
    pub(super) policy: Policy,
    /// In bytes.
    pub(super) body_limit: usize,
    pub(super) responder: Responder,
}

impl<K> Config<K> {
    pub(super) fn new(key_source: K, policy: Policy) -> Self {
        Self {
            key_source: Arc::new(key_source),
            policy,
            body_limit: 2 * 1024 * 1024,
            responder: Responder::Explain,
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
        }
    }
}
