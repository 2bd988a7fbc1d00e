//! The rules of claims.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::suite::{LONG, Suite, token};
use crate::idempotency::{ClaimStatus, EventKey, Store};

/// The number of concurrent claims.
const RACERS: usize = 64;

impl<St: Store> Suite<'_, St> {
    pub(super) async fn a_claim_excludes_others(&self) {
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

    pub(super) async fn one_of_many_claims_wins(&self) {
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

    pub(super) async fn keys_are_compared_whole(&self) {
        let id = |name: &str| format!("conformance_{}_{name}", self.run);
        // The key of any longer id has the same length.
        let long = "x".repeat(1000);
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
}

/// Runs all `futures` concurrently, and returns their outputs in the order in which they ended.
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
