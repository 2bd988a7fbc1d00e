//! A claim from the moment it is asked for until it is settled, whatever becomes of the request.
//!
//! Each of the three types here knows what is left to do, and hands it to [`Store::detach`] if it is dropped. So a claim
//! is released on an error, on a panic, and when the sender hangs up.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::key::{ClaimToken, EventKey};
use super::outcome::Outcome;
use super::report::Report;
use super::store::{Claim, Detached, Settlement, Store, StoreError};
use crate::trace::reported;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A claim that the store was asked for, and did not answer yet.
///
/// To drop it waits for the answer in the background, and releases what was claimed. To release without waiting would not
/// do: it could overtake the claim.
pub(super) struct Claiming<St: Store> {
    /// `None` once the store answered.
    pending: Option<Pending<St>>,
}

struct Pending<St: Store> {
    answer: BoxFuture<Result<Claim, StoreError>>,
    claimant: Claimant<St>,
}

/// What the store said of a claim.
pub(super) enum Verdict<St: Store> {
    Claimed(Held<St>),
    Completed,
    InProgress { expires_in: Duration },
    Unknown,
}

impl<St: Store> Claiming<St> {
    pub(super) fn start(
        store: Arc<St>,
        key: EventKey,
        lease: Duration,
    ) -> Result<Self, StoreError> {
        let token = ClaimToken::random()
            .inspect_err(|error| reported(&Report::ClaimFailed(&key, error)))?;
        let claimant = Claimant { store, key, token };
        let Claimant { store, key, token } = claimant.clone();
        let answer = Box::pin(async move { store.claim(&key, token, lease).await });
        Ok(Self {
            pending: Some(Pending { answer, claimant }),
        })
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Verdict<St>> {
        let pending = self.pending.as_mut().expect("polled until it answers");
        let answer = ready!(pending.answer.as_mut().poll(cx));
        let Pending { claimant, .. } = self.pending.take().expect("polled just now");
        Poll::Ready(match answer {
            Ok(Claim::Claimed) => Verdict::Claimed(Held::new(claimant)),
            Ok(Claim::Completed) => Verdict::Completed,
            Ok(Claim::InProgress { expires_in }) => Verdict::InProgress { expires_in },
            Err(error) => {
                reported(&Report::ClaimFailed(&claimant.key, &error));
                // It may have been carried out all the same.
                drop(Held::new(claimant));
                Verdict::Unknown
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
                    claimant.release().await;
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
        let work = self.work.as_mut().expect("polled until it is done");
        let outcome = ready!(work.as_mut().poll(cx));
        self.work = None;
        Poll::Ready(outcome)
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
                reported(&Report::Superseded(&self.key));
                Outcome::Superseded
            }
            Err(error) => {
                reported(&Report::CompletionFailed(&self.key, &error));
                Outcome::Unsettled
            }
        }
    }

    async fn release(self) -> Outcome {
        match self.store.release(&self.key, self.token).await {
            Ok(Settlement::Done) => Outcome::Released,
            Ok(Settlement::Superseded) => {
                reported(&Report::Superseded(&self.key));
                Outcome::Superseded
            }
            Err(error) => {
                reported(&Report::ReleaseFailed(&self.key, &error));
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
