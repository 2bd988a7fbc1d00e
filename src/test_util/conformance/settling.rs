//! The rules of completing, releasing and forgetting.

use super::suite::{LONG, PAYLOAD, Suite, completed_with, token};
use crate::idempotency::{ClaimStatus, Settlement, Store};

impl<St: Store> Suite<'_, St> {
    pub(super) async fn a_completed_event_stays_completed(&self) {
        let key = self.key("completed");
        let holder = token();
        self.claim(&key, holder, LONG).await;
        for rule in ["a holder can complete", "a completion can be repeated"] {
            let completed = self.complete(&key, holder, LONG).await;
            assert_eq!(completed, Settlement::Done, "{rule}");
        }
        for (who, token) in [("a stranger", token()), ("the holder", holder)] {
            let claim = self.claim(&key, token, LONG).await;
            assert_eq!(
                claim,
                completed_with(PAYLOAD),
                "{who} cannot claim it again"
            );
            let released = self.release(&key, token).await;
            assert_eq!(released, Settlement::Superseded, "{who} cannot release it");
        }
        let completed = self.complete(&key, token(), LONG).await;
        let rule = "a stranger cannot complete it again";
        assert_eq!(completed, Settlement::Superseded, "{rule}");
        let claim = self.claim(&key, token(), LONG).await;
        assert_eq!(claim, completed_with(PAYLOAD), "it stays completed");
    }

    pub(super) async fn a_completed_event_keeps_its_fingerprint(&self) {
        for payload in ["a", "b", "\0"] {
            let key = self.key(&format!("fingerprint_of_{payload:?}"));
            let holder = token();
            self.claim(&key, holder, LONG).await;
            self.complete_with(payload, &key, holder, LONG).await;
            let claim = self.claim(&key, token(), LONG).await;
            let rule = "a completed event keeps its fingerprint";
            assert_eq!(claim, completed_with(payload), "{rule}");
            let completed = self.complete_with("another", &key, token(), LONG).await;
            assert_eq!(completed, Settlement::Superseded);
            let claim = self.claim(&key, token(), LONG).await;
            let rule = "a stranger cannot change the fingerprint";
            assert_eq!(claim, completed_with(payload), "{rule}");
        }
    }

    pub(super) async fn a_released_event_can_be_claimed(&self) {
        let key = self.key("released");
        let holder = token();
        self.claim(&key, holder, LONG).await;
        for rule in ["a holder can release", "a release can be repeated"] {
            let released = self.release(&key, holder).await;
            assert_eq!(released, Settlement::Done, "{rule}");
        }
        let claim = self.claim(&key, token(), LONG).await;
        assert_eq!(
            claim,
            ClaimStatus::Claimed,
            "a released event can be claimed"
        );
    }

    pub(super) async fn a_forgotten_event_is_free(&self) {
        let (key, neighbour) = (self.key("forgotten"), self.key("forgotten_not"));
        let holder = token();
        self.claim(&neighbour, holder, LONG).await;
        self.complete(&neighbour, holder, LONG).await;
        let rule = "there is nothing to forget";
        assert!(!self.forget(&key).await, "{rule}");
        for (state, is_completed) in [("claimed", false), ("completed", true)] {
            let holder = token();
            let claim = self.claim(&key, holder, LONG).await;
            assert_eq!(
                claim,
                ClaimStatus::Claimed,
                "a forgotten event can be claimed"
            );
            if is_completed {
                self.complete(&key, holder, LONG).await;
            }
            assert!(
                self.forget(&key).await,
                "a {state} event was there to be forgotten"
            );
            assert!(
                !self.forget(&key).await,
                "a forgotten event is not there to be forgotten"
            );
        }
        let claim = self.claim(&key, token(), LONG).await;
        let rule = "a forgotten event can be claimed";
        assert_eq!(claim, ClaimStatus::Claimed, "{rule}");
        let claim = self.claim(&neighbour, token(), LONG).await;
        let rule = "no other event is forgotten";
        assert_eq!(claim, completed_with(PAYLOAD), "{rule}");
    }

    pub(super) async fn a_stranger_settles_nothing(&self) {
        let key = self.key("stranger");
        let holder = token();
        self.claim(&key, holder, LONG).await;
        let released = self.release(&key, token()).await;
        let rule = "a stranger cannot release a claim";
        assert_eq!(released, Settlement::Superseded, "{rule}");
        let completed = self.complete(&key, token(), LONG).await;
        let rule = "a stranger cannot complete a claim";
        assert_eq!(completed, Settlement::Superseded, "{rule}");
        self.assert_in_progress(&key).await;
        let completed = self.complete(&key, holder, LONG).await;
        assert_eq!(completed, Settlement::Done, "the holder still can");
    }
}
