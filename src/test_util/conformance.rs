//! Tests that any [`Store`] can be run against.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use tower_svix::idempotency::Store;
//! use tower_svix::test_util::conformance;
//!
//! /// Panics, and says which rule is broken, unless the store keeps them all.
//! async fn check(store: impl Store) {
//!     conformance::check(&store, async |time| tokio::time::sleep(time).await).await;
//! }
//! ```

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::idempotency::{ClaimStatus, ClaimToken, EventKey, Fingerprint, Settlement, Store};

/// Longer than any run of the suite.
const LONG: Duration = Duration::from_secs(3600);
/// What the suite waits for to pass.
const SHORT: Duration = Duration::from_millis(20);
/// How many claims race.
const RACERS: usize = 64;
/// What all events are completed with, but for those that tell payloads apart.
const PAYLOAD: &str = "a payload";

/// Checks that `store` keeps the [contract](Store#contract), as far as one process can tell.
///
/// `pass` lets at least that much time pass, as the store sees time: it sleeps, or sets a clock. No rule depends on how
/// much more has passed. The keys are new in each run, so the store can be one that is in use. Nothing is left behind but
/// what expires within an hour.
///
/// What it cannot check: that operations are atomic across processes, that nothing is forgotten when the store is full or
/// restarts, and that waiting is bounded.
///
/// # Panics
///
/// If a rule is broken: the message says which.
pub async fn check<St: Store>(store: &St, pass: impl AsyncFn(Duration)) {
    let suite = Suite {
        store,
        run: token(),
    };
    suite.a_claim_excludes_others().await;
    suite.one_of_many_claims_wins().await;
    suite.a_completed_event_stays_completed().await;
    suite.a_completed_event_keeps_its_fingerprint().await;
    suite.a_released_event_can_be_claimed().await;
    suite.a_forgotten_event_is_free().await;
    suite.a_stranger_settles_nothing().await;
    suite.keys_are_compared_whole().await;
    suite.a_lease_passes(&pass).await;
    suite.a_late_holder_changes_nothing(&pass).await;
    suite
        .a_late_holder_without_a_successor_completes(&pass)
        .await;
    suite.a_retention_passes(&pass).await;
    suite
        .what_has_passed_is_not_there_to_be_forgotten(&pass)
        .await;
}

struct Suite<'a, St> {
    store: &'a St,
    /// Makes the keys of this run different from all others.
    run: ClaimToken,
}

impl<St: Store> Suite<'_, St> {
    async fn a_claim_excludes_others(&self) {
        let key = self.key("excludes");
        let holder = token();
        let first = self.claim(&key, holder, LONG).await;
        assert_eq!(first, ClaimStatus::Claimed, "a free event can be claimed");
        match self.claim(&key, token(), LONG).await {
            ClaimStatus::InProgress { expires_in } => {
                assert!(expires_in <= LONG, "a lease is no longer than asked for");
            }
            other => panic!("a claimed event is in progress, but it is {other:?}"),
        }
        let again = self.claim(&key, holder, LONG).await;
        assert_eq!(again, ClaimStatus::Claimed, "a claim can be repeated");
    }

    async fn one_of_many_claims_wins(&self) {
        let key = self.key("race");
        let claims: Vec<_> = (0..RACERS)
            .map(|_| self.claim(&key, token(), LONG))
            .collect();
        let won = all(claims)
            .await
            .into_iter()
            .filter(|claim| *claim == ClaimStatus::Claimed)
            .count();
        assert_eq!(won, 1, "one of many concurrent claims wins");
    }

    async fn a_completed_event_stays_completed(&self) {
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

    async fn a_completed_event_keeps_its_fingerprint(&self) {
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

    async fn a_forgotten_event_is_free(&self) {
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

    async fn a_released_event_can_be_claimed(&self) {
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

    async fn a_stranger_settles_nothing(&self) {
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

    async fn keys_are_compared_whole(&self) {
        let id = |name: &str| format!("conformance_{}_{name}", self.run);
        let long = "x".repeat(8 * 1024);
        let keys = [
            ("no tenant", EventKey::new(None, &id("a"))),
            ("an empty name", EventKey::new(Some(""), &id("a"))),
            ("a tenant", EventKey::new(Some("t"), &id("a"))),
            ("another tenant", EventKey::new(Some("T"), &id("a"))),
            ("a colon", EventKey::new(Some("t:"), &id("a"))),
            (
                "a colon in the id",
                EventKey::new(Some("t"), &format!(":{}", id("a"))),
            ),
            ("another id", EventKey::new(None, &id("A"))),
            ("a pattern", EventKey::new(None, &id("*"))),
            ("a hash tag", EventKey::new(None, &id("{a}"))),
            ("a quote", EventKey::new(None, &id("'\"\\%_"))),
            (
                "a tenant beyond ASCII",
                EventKey::new(Some("\u{fc}\n\0"), &id("a")),
            ),
            ("a long id", EventKey::new(None, &id(&long))),
            (
                "its neighbour",
                EventKey::new(None, &id(&format!("{long}y"))),
            ),
        ];
        for (name, key) in &keys {
            let claim = self.claim(key, token(), LONG).await;
            assert_eq!(
                claim,
                ClaimStatus::Claimed,
                "{name}: keys are compared whole"
            );
        }
        for (name, key) in &keys {
            let claim = self.claim(key, token(), LONG).await;
            let in_progress = matches!(claim, ClaimStatus::InProgress { .. });
            assert!(
                in_progress,
                "{name}: keys are found again, but it is {claim:?}"
            );
        }
    }

    async fn a_lease_passes(&self, pass: impl AsyncFn(Duration)) {
        let key = self.key("lease");
        self.claim(&key, token(), SHORT).await;
        pass(2 * SHORT).await;
        let claim = self.claim(&key, token(), LONG).await;
        let rule = "after its lease an event can be claimed again";
        assert_eq!(claim, ClaimStatus::Claimed, "{rule}");
        self.assert_in_progress(&key).await;
    }

    async fn a_late_holder_changes_nothing(&self, pass: impl AsyncFn(Duration)) {
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

    async fn a_late_holder_without_a_successor_completes(&self, pass: impl AsyncFn(Duration)) {
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

    async fn a_retention_passes(&self, pass: impl AsyncFn(Duration)) {
        let key = self.key("retention");
        let holder = token();
        self.claim(&key, holder, LONG).await;
        self.complete(&key, holder, SHORT).await;
        pass(2 * SHORT).await;
        let claim = self.claim(&key, token(), LONG).await;
        let rule = "after its retention an event can be claimed again";
        assert_eq!(claim, ClaimStatus::Claimed, "{rule}");
    }

    async fn what_has_passed_is_not_there_to_be_forgotten(&self, pass: impl AsyncFn(Duration)) {
        let key = self.key("passed");
        self.claim(&key, token(), SHORT).await;
        pass(2 * SHORT).await;
        let rule = "after its lease an event is not there to be forgotten";
        assert!(!self.forget(&key).await, "{rule}");
    }

    fn key(&self, name: &str) -> EventKey {
        EventKey::new(None, &format!("conformance_{}_{name}", self.run))
    }

    async fn assert_in_progress(&self, key: &EventKey) {
        let claim = self.claim(key, token(), LONG).await;
        let in_progress = matches!(claim, ClaimStatus::InProgress { .. });
        assert!(in_progress, "it is still in progress, but it is {claim:?}");
    }

    async fn claim(&self, key: &EventKey, token: ClaimToken, lease: Duration) -> ClaimStatus {
        let claim = self.store.claim(key, token, lease).await;
        claim.expect("the store claims")
    }

    async fn complete(&self, key: &EventKey, token: ClaimToken, retention: Duration) -> Settlement {
        self.complete_with(PAYLOAD, key, token, retention).await
    }

    async fn complete_with(
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

    async fn release(&self, key: &EventKey, token: ClaimToken) -> Settlement {
        let released = self.store.release(key, token).await;
        released.expect("the store releases")
    }

    async fn forget(&self, key: &EventKey) -> bool {
        let forgotten = self.store.forget(key).await;
        forgotten.expect("the store forgets")
    }
}

fn completed_with(payload: &str) -> ClaimStatus {
    let fingerprint = Fingerprint::of(payload.as_bytes());
    ClaimStatus::Completed { fingerprint }
}

fn token() -> ClaimToken {
    ClaimToken::random().expect("the system has random numbers")
}

/// Runs all of `futures` at once, and returns their outputs in the order in which they ended.
async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut outputs = Vec::new();
    let each = std::future::poll_fn(|cx: &mut Context<'_>| {
        running.retain_mut(|future| match future.as_mut().poll(cx) {
            Poll::Ready(output) => {
                outputs.push(output);
                false
            }
            Poll::Pending => true,
        });
        if running.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    });
    each.await;
    outputs
}
