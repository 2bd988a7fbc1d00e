//! A claim from the moment it is asked for until it is settled, whatever becomes of the request.
//!
//! Each of the three types here knows what is left to do, and hands it to [`Store::detach`] if it is dropped. So a claim
//! is released on an error, on a panic, and when the sender hangs up.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::key::{ClaimToken, EventKey};
use super::outcome::Outcome;
use super::report::{Report, report};
use super::store::{Claim, Detached, Settlement, Store, StoreError};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A claim that the store was asked for, and did not answer yet.
///
/// To drop it waits for the answer in the background, and releases what was claimed. To release without waiting would not
/// do: it could overtake the claim.
pub(super) struct Claiming<St: Store> {
    /// `None` if the store could not even be asked, and once it answered.
    pending: Option<Pending<St>>,
}

struct Pending<St: Store> {
    answer: BoxFuture<Result<Claim, StoreError>>,
    claimant: Claimant<St>,
}

/// What the store said of a claim.
pub(super) enum ClaimAnswer<St: Store> {
    Claimed(Held<St>),
    Completed,
    InProgress { expires_in: Duration },
    Unknown,
}

impl<St: Store> Claiming<St> {
    pub(super) fn start(store: Arc<St>, key: EventKey, lease: Duration) -> Self {
        let token = match ClaimToken::random() {
            Ok(token) => token,
            Err(error) => {
                report(&Report::ClaimFailed(&key, &error));
                return Self { pending: None };
            }
        };
        let claimant = Claimant { store, key, token };
        let Claimant { store, key, token } = claimant.clone();
        let answer = Box::pin(async move { store.claim(&key, token, lease).await });
        Self {
            pending: Some(Pending { answer, claimant }),
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ClaimAnswer<St>> {
        // Taken out, so that if the store panics, it is not polled once more by `drop`.
        let Some(mut pending) = self.pending.take() else {
            return Poll::Ready(ClaimAnswer::Unknown);
        };
        let Poll::Ready(answer) = pending.answer.as_mut().poll(cx) else {
            self.pending = Some(pending);
            return Poll::Pending;
        };
        let claimant = pending.claimant;
        Poll::Ready(match answer {
            Ok(Claim::Claimed) => ClaimAnswer::Claimed(Held::new(claimant)),
            Ok(Claim::Completed) => ClaimAnswer::Completed,
            Ok(Claim::InProgress { expires_in }) => ClaimAnswer::InProgress { expires_in },
            Err(error) => {
                report(&Report::ClaimFailed(&claimant.key, &error));
                let store = Arc::clone(&claimant.store);
                store.detach(Box::pin(claimant.release_if_claimed()));
                ClaimAnswer::Unknown
            }
        })
    }
}

impl<St: Store> Drop for Claiming<St> {
    fn drop(&mut self) {
        if let Some(Pending { answer, claimant }) = self.pending.take() {
            let store = Arc::clone(&claimant.store);
            store.detach(Box::pin(async move {
                if let Ok(Claim::Claimed) | Err(_) = answer.await {
                    claimant.release_if_claimed().await;
                }
            }));
        }
    }
}

/// A claim that is ours: to drop it releases it in the background.
pub(super) struct Held<St: Store> {
    /// `None` once it is being settled.
    claimant: Option<Claimant<St>>,
}

impl<St: Store> Held<St> {
    fn new(claimant: Claimant<St>) -> Self {
        Self {
            claimant: Some(claimant),
        }
    }

    pub(super) fn complete(self, retention: Duration) -> Settling<St> {
        self.settle(|claimant| Box::pin(async move { claimant.complete(retention).await }))
    }

    pub(super) fn release(self) -> Settling<St> {
        self.settle(|claimant| Box::pin(async move { claimant.release().await }))
    }

    fn settle(mut self, work: impl FnOnce(Claimant<St>) -> BoxFuture<Outcome>) -> Settling<St> {
        let claimant = self.claimant.take().expect("settled by value, so once");
        Settling {
            store: Arc::clone(&claimant.store),
            work: Some(work(claimant)),
        }
    }
}

impl<St: Store> Drop for Held<St> {
    fn drop(&mut self) {
        if let Some(claimant) = self.claimant.take() {
            let store = Arc::clone(&claimant.store);
            store.detach(Box::pin(async move {
                claimant.release().await;
            }));
        }
    }
}

/// A claim that is being completed or released: to drop it goes on with that in the background.
pub(super) struct Settling<St: Store> {
    store: Arc<St>,
    /// `None` once it is done.
    work: Option<BoxFuture<Outcome>>,
}

impl<St: Store> Settling<St> {
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

impl<St: Store> Drop for Settling<St> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            let work: Detached = Box::pin(async move {
                work.await;
            });
            self.store.detach(work);
        }
    }
}

/// Who claims what, where.
struct Claimant<St> {
    store: Arc<St>,
    key: EventKey,
    token: ClaimToken,
}

impl<St: Store> Claimant<St> {
    async fn complete(self, retention: Duration) -> Outcome {
        match self.store.complete(&self.key, self.token, retention).await {
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

    /// Releases what nobody processed, and what may not have been claimed at all: that it is another's is no news then.
    async fn release_if_claimed(self) {
        if let Err(error) = self.store.release(&self.key, self.token).await {
            report(&Report::ReleaseFailed(&self.key, &error));
        }
    }

    async fn release(self) -> Outcome {
        match self.store.release(&self.key, self.token).await {
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

impl<St> Clone for Claimant<St> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            key: self.key.clone(),
            token: self.token,
        }
    }
}
