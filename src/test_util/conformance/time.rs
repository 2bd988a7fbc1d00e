//! The rules of leases and retentions, which end as time passes.

use std::time::Duration;

use super::suite::{LONG, PAYLOAD, SHORT, Suite, completed_with, token};
use crate::idempotency::{ClaimStatus, Settlement, Store};

impl<St: Store> Suite<'_, St> {
    pub(super) async fn a_lease_passes(&self, pass: impl AsyncFn(Duration)) {
        let key = self.key("lease");
        self.claim(&key, token(), SHORT).await;
        pass(2 * SHORT).await;
        let claim = self.claim(&key, token(), LONG).await;
        let rule = "after its lease an event can be claimed again";
        assert_eq!(claim, ClaimStatus::Claimed, "{rule}");
        self.assert_in_progress(&key).await;
    }

    pub(super) async fn a_late_holder_changes_nothing(&self, pass: impl AsyncFn(Duration)) {
        let key = self.key("late");
        let (late, successor) = (token(), token());
        self.claim(&key, late, SHORT).await;
        pass(2 * SHORT).await;
        self.claim(&key, successor, LONG).await;
        let completed = self.complete(&key, late, LONG).await;
        let rule = "a late holder cannot complete";
        assert_eq!(completed, Settlement::Superseded, "{rule}");
        let released = self.release(&key, late).await;
        let rule = "a late holder cannot release";
        assert_eq!(released, Settlement::Superseded, "{rule}");
        self.assert_in_progress(&key).await;
        let completed = self.complete(&key, successor, LONG).await;
        assert_eq!(completed, Settlement::Done, "its successor can complete");
        let completed = self.complete(&key, late, LONG).await;
        let rule = "a late holder does not complete what is completed";
        assert_eq!(completed, Settlement::Superseded, "{rule}");
    }

    pub(super) async fn a_late_holder_without_a_successor_completes(
        &self,
        pass: impl AsyncFn(Duration),
    ) {
        let key = self.key("alone");
        let late = token();
        self.claim(&key, late, SHORT).await;
        pass(2 * SHORT).await;
        let completed = self.complete(&key, late, LONG).await;
        let rule = "a late holder that nobody succeeded can complete";
        assert_eq!(completed, Settlement::Done, "{rule}");
        let claim = self.claim(&key, token(), LONG).await;
        assert_eq!(claim, completed_with(PAYLOAD), "that counts as completed");
    }

    pub(super) async fn a_retention_passes(&self, pass: impl AsyncFn(Duration)) {
        let key = self.key("retention");
        let holder = token();
        self.claim(&key, holder, LONG).await;
        self.complete(&key, holder, SHORT).await;
        pass(2 * SHORT).await;
        let claim = self.claim(&key, token(), LONG).await;
        let rule = "after its retention an event can be claimed again";
        assert_eq!(claim, ClaimStatus::Claimed, "{rule}");
    }

    pub(super) async fn what_has_passed_is_not_there_to_be_forgotten(
        &self,
        pass: impl AsyncFn(Duration),
    ) {
        let key = self.key("passed");
        self.claim(&key, token(), SHORT).await;
        pass(2 * SHORT).await;
        let rule = "after its lease an event is not there to be forgotten";
        assert!(!self.forget(&key).await, "{rule}");
    }
}
