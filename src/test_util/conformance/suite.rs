//! Helpers of the rules: operations of the store that must not fail, on keys that are new in each run.

use std::time::Duration;

use crate::idempotency::{ClaimStatus, ClaimToken, EventKey, Fingerprint, Settlement, Store};

/// Longer than any run of the suite.
pub(super) const LONG: Duration = Duration::from_secs(3600);
/// The leases and retentions that the suite waits for.
pub(super) const SHORT: Duration = Duration::from_millis(20);
/// The payload of all completed events, except in rules about payloads.
pub(super) const PAYLOAD: &str = "a payload";

pub(super) struct Suite<'a, St> {
    store: &'a St,
    /// A part of all keys, which makes them new in this run.
    pub(super) run: ClaimToken,
}

impl<'a, St: Store> Suite<'a, St> {
    pub(super) fn new(store: &'a St) -> Self {
        let run = token();
        Self { store, run }
    }

    pub(super) fn key(&self, name: &str) -> EventKey {
        EventKey::new(None, &format!("conformance_{}_{name}", self.run))
    }

    pub(super) async fn assert_in_progress(&self, key: &EventKey) {
        let claim = self.claim(key, token(), LONG).await;
        let in_progress = matches!(claim, ClaimStatus::InProgress { .. });
        assert!(in_progress, "it is still in progress, but it is {claim:?}");
    }

    pub(super) async fn claim(
        &self,
        key: &EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> ClaimStatus {
        let claim = self.store.claim(key, token, lease).await;
        claim.expect("the store claims")
    }

    pub(super) async fn complete(
        &self,
        key: &EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Settlement {
        self.complete_with(PAYLOAD, key, token, retention).await
    }

    pub(super) async fn complete_with(
        &self,
        payload: &str,
        key: &EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Settlement {
        let fingerprint = Fingerprint::of(payload.as_bytes());
        let completed = self
            .store
            .complete(key, token, fingerprint, retention)
            .await;
        completed.expect("the store completes")
    }

    pub(super) async fn release(&self, key: &EventKey, token: ClaimToken) -> Settlement {
        let released = self.store.release(key, token).await;
        released.expect("the store releases")
    }

    pub(super) async fn forget(&self, key: &EventKey) -> bool {
        let forgotten = self.store.forget(key).await;
        forgotten.expect("the store forgets")
    }
}

pub(super) fn completed_with(payload: &str) -> ClaimStatus {
    let fingerprint = Fingerprint::of(payload.as_bytes());
    ClaimStatus::Completed { fingerprint }
}

pub(super) fn token() -> ClaimToken {
    ClaimToken::random().expect("the system has random numbers")
}
