//! A claim from the moment it is asked for until it is settled, whatever becomes of the request.
//!
//! Each of the three types here knows what is left to do, and hands it to [`Store::spawn`](super::Store::spawn) if it is dropped. So a claim
//! is released on an error, on a panic, and when the sender hangs up.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::erased::ErasedStore;
use super::key::{ClaimToken, EventKey};
use super::outcome::{Answer, Outcome};
use super::report::{Report, report};
use super::store::{BoxFuture, ClaimStatus, Settlement, StoreError};

/// A claim that the store was asked for, and did not answer yet.
///
/// Dropping it waits for the answer in the background and then releases the claim. Releasing at once could reach the
/// store before the claim does.
pub(super) struct Claiming {
    /// `None` if the store could not even be asked, and once it answered.
    pending: Option<Pending>,
}

struct Pending {
    answer: BoxFuture<Result<ClaimStatus, StoreError>>,
    claimant: Claimant,
}

impl Claiming {
    pub(super) fn start(store: Arc<dyn ErasedStore>, key: EventKey, lease: Duration) -> Self {
        let token = match ClaimToken::random() {
            Ok(token) => token,
            Err(error) => {
                report(&Report::ClaimFailed(&key, &StoreError::new(error)));
                return Self { pending: None };
            }
        };
        let claimant = Claimant { store, key, token };
        let Claimant { store, key, token } = claimant.clone();
        let answer = store.claim(key, token, lease);
        Self {
            pending: Some(Pending { answer, claimant }),
        }
    }

    /// The claim, if the event is ours now, or else how the delivery is answered.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Held, Answer>> {
        // Taken out, so that if the store panics, it is not polled once more by `drop`.
        let Some(mut pending) = self.pending.take() else {
            return Poll::Ready(Err(Answer::StoreUnavailable));
        };
        let Poll::Ready(answer) = pending.answer.as_mut().poll(cx) else {
            self.pending = Some(pending);
            return Poll::Pending;
        };
        let claimant = pending.claimant;
        Poll::Ready(match answer {
            Ok(ClaimStatus::Claimed) => Ok(Held::new(claimant)),
            Ok(ClaimStatus::Completed) => Err(Answer::Replayed),
            Ok(ClaimStatus::InProgress { expires_in }) => Err(Answer::InProgress { expires_in }),
            Err(error) => {
                report(&Report::ClaimFailed(&claimant.key, &error));
                let store = Arc::clone(&claimant.store);
                store.spawn(Box::pin(claimant.release_if_claimed()));
                Err(Answer::StoreUnavailable)
            }
        })
    }
}

impl Drop for Claiming {
    fn drop(&mut self) {
        if let Some(Pending { answer, claimant }) = self.pending.take() {
            let store = Arc::clone(&claimant.store);
            store.spawn(Box::pin(async move {
                if let Ok(ClaimStatus::Claimed) | Err(_) = answer.await {
                    claimant.release_if_claimed().await;
                }
            }));
        }
    }
}

/// A claim that is ours. Dropping it releases it in the background.
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

    pub(super) fn complete(self, retention: Duration) -> Settling {
        self.settle(|claimant| Box::pin(async move { claimant.complete(retention).await }))
    }

    pub(super) fn release(self) -> Settling {
        self.settle(|claimant| Box::pin(async move { claimant.release().await }))
    }

    fn settle(mut self, work: impl FnOnce(Claimant) -> BoxFuture<Outcome>) -> Settling {
        let claimant = self.claimant.take().expect("settled by value, so once");
        Settling {
            store: Arc::clone(&claimant.store),
            work: Some(work(claimant)),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(claimant) = self.claimant.take() {
            let store = Arc::clone(&claimant.store);
            store.spawn(Box::pin(async move {
                claimant.release().await;
            }));
        }
    }
}

/// A claim that is being completed or released. Dropping it goes on with that in the background.
pub(super) struct Settling {
    store: Arc<dyn ErasedStore>,
    /// `None` once it is done.
    work: Option<BoxFuture<Outcome>>,
}

impl Settling {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        // Taken out, so that if the store panics, it is not polled once more by `drop`.
        let mut work = self.work.take().expect("polled until it is done");
        let outcome = work.as_mut().poll(cx);
        if outcome.is_pending() {
            self.work = Some(work);
        }
        outcome
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            let work = Box::pin(async move {
                work.await;
            });
            self.store.spawn(work);
        }
    }
}

/// Who claims what, where.
#[derive(Clone)]
struct Claimant {
    store: Arc<dyn ErasedStore>,
    key: EventKey,
    token: ClaimToken,
}

impl Claimant {
    async fn complete(self, retention: Duration) -> Outcome {
        let store = Arc::clone(&self.store);
        match store
            .complete(self.key.clone(), self.token, retention)
            .await
        {
            Ok(Settlement::Done) => Outcome::Processed,
            Ok(Settlement::Superseded) => {
                report(&Report::Superseded(&self.key));
                Outcome::Superseded
            }
            Err(error) => {
                report(&Report::CompletionFailed(&self.key, &error));
                Outcome::Unsettled
            }
        }
    }

    /// Releases what nobody processed, and what may not have been claimed at all. `Superseded` is expected here, so it is
    /// not reported.
    async fn release_if_claimed(self) {
        let store = Arc::clone(&self.store);
        if let Err(error) = store.release(self.key.clone(), self.token).await {
            report(&Report::ReleaseFailed(&self.key, &error));
        }
    }

    async fn release(self) -> Outcome {
        let store = Arc::clone(&self.store);
        match store.release(self.key.clone(), self.token).await {
            Ok(Settlement::Done) => Outcome::Released,
            Ok(Settlement::Superseded) => {
                report(&Report::Superseded(&self.key));
                Outcome::Superseded
            }
            Err(error) => {
                report(&Report::ReleaseFailed(&self.key, &error));
                Outcome::Unsettled
            }
        }
    }
}
