//! A claim, from the request for it until it is settled, even if the delivery's request is dropped.
//!
//! Each of the three types [`Claiming`], [`Held`] and [`Settling`] hands its remaining work to
//! [`Store::spawn`](super::Store::spawn) when it is dropped. So a claim is released after an error, after a panic, and
//! when the sender hangs up.

use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Extensions;

use super::erased::ErasedStore;
use super::fingerprint::Fingerprint;
use super::key::{ClaimToken, EventKey};
use super::nested::HeldOutside;
use super::outcome::Outcome;
use super::report::{Report, report};
use super::store::{BoxFuture, ClaimStatus, Settlement, StoreError};

/// A claim that the store has not granted yet.
///
/// Once the store is asked for it, dropping it waits for the answer in the background and then releases the claim.
/// Releasing at once could reach the store before the claim does.
pub(super) struct Claiming {
    stage: Stage,
}

enum Stage {
    /// The store is asked at the first poll. A future that is dropped before that leaves nothing behind.
    Unasked {
        store: Arc<dyn ErasedStore>,
        key: EventKey,
        lease: Duration,
    },
    Asked(Pending),
    /// The store answered, or could not even be asked.
    Ended,
}

struct Pending {
    answer: BoxFuture<Result<ClaimStatus, StoreError>>,
    claimant: Claimant,
}

/// The result of a claim.
pub(super) enum Claim {
    Ours(Held),
    Completed {
        key: EventKey,
        fingerprint: Fingerprint,
    },
    InProgress {
        key: EventKey,
        expires_in: Duration,
    },
    Failed,
}

impl Claiming {
    pub(super) fn new(store: Arc<dyn ErasedStore>, key: EventKey, lease: Duration) -> Self {
        Self {
            stage: Stage::Unasked { store, key, lease },
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Claim> {
        // Taken out, so that `drop` does not poll the store again if the store panics.
        let mut pending = match mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Unasked { store, key, lease } => match ClaimToken::random() {
                Ok(token) => Claimant { store, key, token }.ask(lease),
                Err(error) => {
                    report(&Report::ClaimFailed(&key, &StoreError::new(error)));
                    return Poll::Ready(Claim::Failed);
                }
            },
            Stage::Asked(pending) => pending,
            Stage::Ended => return Poll::Ready(Claim::Failed),
        };
        let Poll::Ready(answer) = pending.answer.as_mut().poll(cx) else {
            self.stage = Stage::Asked(pending);
            return Poll::Pending;
        };
        let claimant = pending.claimant;
        let key = claimant.key.clone();
        Poll::Ready(match answer {
            Ok(ClaimStatus::Claimed) => Claim::Ours(Held::new(claimant)),
            Ok(ClaimStatus::Completed { fingerprint }) => Claim::Completed { key, fingerprint },
            Ok(ClaimStatus::InProgress { expires_in }) => Claim::InProgress { key, expires_in },
            Err(error) => {
                report(&Report::ClaimFailed(&claimant.key, &error));
                let store = Arc::clone(&claimant.store);
                store.spawn(Box::pin(async move {
                    // If this fails too, the cause is the outage that was just reported.
                    let _ = claimant.release().await;
                }));
                Claim::Failed
            }
        })
    }
}

impl Drop for Claiming {
    fn drop(&mut self) {
        if let Stage::Asked(Pending { answer, claimant }) =
            mem::replace(&mut self.stage, Stage::Ended)
        {
            let store = Arc::clone(&claimant.store);
            store.spawn(Box::pin(async move {
                if let Ok(ClaimStatus::Claimed) | Err(_) = answer.await {
                    claimant.release_if_claimed().await;
                }
            }));
        }
    }
}

/// A claim that the store has granted. Dropping it releases it in the background.
pub(super) struct Held {
    /// `None` once it is being settled.
    claimant: Option<Claimant>,
}

impl Held {
    fn new(claimant: Claimant) -> Self {
        Self {
            claimant: Some(claimant),
        }
    }

    /// Tells inner layers about the claim.
    pub(super) fn tell(&self, extensions: &mut Extensions) {
        if let Some(Claimant { store, key, .. }) = &self.claimant {
            HeldOutside::tell(extensions, Arc::clone(store), key.clone());
        }
    }

    pub(super) fn complete(mut self, fingerprint: Fingerprint, retention: Duration) -> Settling {
        Settling {
            pending: self.claimant.take().map(|claimant| Unsettled {
                answer: claimant.complete(fingerprint, retention),
                goal: Outcome::Processed,
                claimant,
            }),
        }
    }

    pub(super) fn release(mut self) -> Settling {
        Settling {
            pending: self.claimant.take().map(Unsettled::release),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(claimant) = self.claimant.take() {
            Unsettled::release(claimant).spawn();
        }
    }
}

/// A claim that is being completed or released. Dropping it continues this in the background.
pub(super) struct Settling {
    /// `None` once the store has answered.
    pending: Option<Unsettled>,
}

struct Unsettled {
    answer: BoxFuture<Result<Settlement, StoreError>>,
    /// The outcome if the store succeeds.
    goal: Outcome,
    claimant: Claimant,
}

impl Settling {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        // Taken out, so that `drop` does not poll the store again if the store panics.
        let mut pending = self.pending.take().expect("polled until it is done");
        let Poll::Ready(answer) = pending.answer.as_mut().poll(cx) else {
            self.pending = Some(pending);
            return Poll::Pending;
        };
        Poll::Ready(outcome(answer, pending.goal, &pending.claimant.key))
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        if let Some(pending) = self.pending.take() {
            pending.spawn();
        }
    }
}

impl Unsettled {
    fn release(claimant: Claimant) -> Self {
        Self {
            answer: claimant.release(),
            goal: Outcome::Released,
            claimant,
        }
    }

    /// Continues in the background.
    fn spawn(self) {
        let Self {
            answer,
            goal,
            claimant: Claimant { store, key, .. },
        } = self;
        store.spawn(Box::pin(async move {
            outcome(answer.await, goal, &key);
        }));
    }
}

/// Returns the outcome of the claim on `key`. If it is not `goal`, reports it to operators.
fn outcome(answer: Result<Settlement, StoreError>, goal: Outcome, key: &EventKey) -> Outcome {
    match answer {
        Ok(Settlement::Done) => goal,
        Ok(Settlement::Superseded) => {
            report(&Report::Superseded(key));
            Outcome::Superseded
        }
        Err(error) => {
            report(&match goal {
                Outcome::Processed => Report::CompletionFailed(key, &error),
                _ => Report::ReleaseFailed(key, &error),
            });
            Outcome::Unsettled
        }
    }
}

/// A store, the key to claim in it, and the token to claim it with.
struct Claimant {
    store: Arc<dyn ErasedStore>,
    key: EventKey,
    token: ClaimToken,
}

impl Claimant {
    /// Asks for the claim.
    fn ask(self, lease: Duration) -> Pending {
        let store = Arc::clone(&self.store);
        Pending {
            answer: store.claim(self.key.clone(), self.token, lease),
            claimant: self,
        }
    }

    fn complete(
        &self,
        fingerprint: Fingerprint,
        retention: Duration,
    ) -> BoxFuture<Result<Settlement, StoreError>> {
        Arc::clone(&self.store).complete(self.key.clone(), self.token, fingerprint, retention)
    }

    fn release(&self) -> BoxFuture<Result<Settlement, StoreError>> {
        Arc::clone(&self.store).release(self.key.clone(), self.token)
    }

    /// Releases an event that was not processed and that may not even be claimed. `Superseded` is expected here, so it
    /// is not reported.
    async fn release_if_claimed(self) {
        if let Err(error) = self.release().await {
            report(&Report::ReleaseFailed(&self.key, &error));
        }
    }
}
