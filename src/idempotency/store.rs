//! What a store must do.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::fingerprint::Fingerprint;
use super::key::{ClaimToken, EventKey};

/// A boxed future that can outlive the request it belongs to. See [`Store::spawn`].
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Where it is written down which events are being processed, and which have been.
///
/// For one key, a store is in one of three states: *free*, *claimed* under a token until a lease ends, or *completed*
/// under a token until the retention ends. Either end makes the key free by itself.
///
/// # Contract
///
/// Events are processed once because of what a store promises, and in no other place. An implementation must uphold:
///
/// 1. Each operation is atomic. Of any number of concurrent claims on a free key, from any number of processes, exactly
///    one is told [`ClaimStatus::Claimed`]. To look first and to insert afterwards is not enough: two claims can look before
///    either inserts. Use what the engine decides alone: one lock, one script, one `INSERT … ON CONFLICT`.
/// 2. A key that is claimed or completed is not forgotten before its time. A store that has no room for another claim
///    must return an error, which makes the sender try again later. It may give up the oldest completed keys to stay
///    within bounds, if its documentation says so.
/// 3. Nothing stays beyond its time: the lease and the retention hold even if the process dies in the middle.
/// 4. Two keys are never taken for one. Compare whole keys, or a cryptographic hash of them: ids are chosen by senders.
/// 5. An operation that is repeated with the same token returns the same: clients of networked stores send a command
///    again if the connection broke before the reply. [`forget`](Store::forget) has no token: repeated, it returns `false`,
///    or forgets a claim that was made in between.
/// 6. Waiting is bounded. An operation that takes too long returns an error, and may have been carried out all the same.
///
/// The suite in `test_util::conformance` (feature `test-util`) checks most of this for any implementation.
///
/// # Example
///
/// A store of another kind is an `impl` of four `async fn`, and of [`spawn`](Store::spawn). This one adds a log to
/// any other store:
///
/// ```
/// use std::time::Duration;
/// use tower_svix::idempotency::{
///     BoxFuture, ClaimStatus, ClaimToken, EventKey, Fingerprint, Settlement, Store, StoreError,
/// };
///
/// struct Logged<St>(St);
///
/// impl<St: Store> Store for Logged<St> {
///     async fn claim(
///         &self,
///         key: &EventKey,
///         token: ClaimToken,
///         lease: Duration,
///     ) -> Result<ClaimStatus, StoreError> {
///         let claim = self.0.claim(key, token, lease).await?;
///         println!("{key}: {claim:?}");
///         Ok(claim)
///     }
///
///     async fn complete(
///         &self,
///         key: &EventKey,
///         token: ClaimToken,
///         fingerprint: Fingerprint,
///         retention: Duration,
///     ) -> Result<Settlement, StoreError> {
///         self.0.complete(key, token, fingerprint, retention).await
///     }
///
///     async fn release(&self, key: &EventKey, token: ClaimToken) -> Result<Settlement, StoreError> {
///         self.0.release(key, token).await
///     }
///
///     async fn forget(&self, key: &EventKey) -> Result<bool, StoreError> {
///         self.0.forget(key).await
///     }
///
///     fn spawn(&self, work: BoxFuture<()>) {
///         self.0.spawn(work);
///     }
/// }
/// ```
pub trait Store: Send + Sync + 'static {
    /// Claims `key` for `token` until `lease` has passed.
    ///
    /// | `key` is | Returns | Afterwards |
    /// | --- | --- | --- |
    /// | free | [`ClaimStatus::Claimed`] | claimed by `token` for `lease` |
    /// | claimed by `token` | [`ClaimStatus::Claimed`] | as before |
    /// | claimed by another token | [`ClaimStatus::InProgress`] | as before |
    /// | completed | [`ClaimStatus::Completed`], with the fingerprint that it was completed with | as before |
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot tell. The claim may have been carried out: it is released later if possible,
    /// and ends with its lease if not.
    fn claim(
        &self,
        key: &EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> impl Future<Output = Result<ClaimStatus, StoreError>> + Send;

    /// Writes down for `retention` that the event was processed by the holder of `token`, and the fingerprint of its
    /// payload.
    ///
    /// | `key` is | Returns | Afterwards |
    /// | --- | --- | --- |
    /// | claimed or completed by `token` | [`Settlement::Done`] | completed by `token` for `retention` |
    /// | free: the lease has passed, and nobody else claimed it | [`Settlement::Done`] | the same |
    /// | claimed or completed by another token | [`Settlement::Superseded`] | as before |
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot tell whether it was written down.
    fn complete(
        &self,
        key: &EventKey,
        token: ClaimToken,
        fingerprint: Fingerprint,
        retention: Duration,
    ) -> impl Future<Output = Result<Settlement, StoreError>> + Send;

    /// Gives the claim up, since the event was not processed.
    ///
    /// | `key` is | Returns | Afterwards |
    /// | --- | --- | --- |
    /// | claimed by `token` | [`Settlement::Done`] | free |
    /// | free | [`Settlement::Done`] | free |
    /// | claimed by another token, or completed | [`Settlement::Superseded`] | as before |
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot tell. The claim then ends with its lease.
    fn release(
        &self,
        key: &EventKey,
        token: ClaimToken,
    ) -> impl Future<Output = Result<Settlement, StoreError>> + Send;

    /// Forgets `key` whatever its state is, so that the event can be processed again by hand. Returns whether there was
    /// anything to forget.
    ///
    /// | `key` is | Returns | Afterwards |
    /// | --- | --- | --- |
    /// | free | `false` | free |
    /// | claimed or completed | `true` | free |
    ///
    /// The middleware never calls this: it is for operators, who then ask the sender to send the event again. The store
    /// is theirs as much as the layer's, if it is shared as an [`Arc`]. What a claim that is forgotten was made for goes
    /// on: if a delivery of the event is in the handler, the next one is processed at the same time. And if none comes before
    /// that handler ends, its completion finds the key free and succeeds: the event is completed again, and nothing is
    /// forgotten. So call this once no delivery of the event is running.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tower_svix::IdempotencyLayer;
    /// use tower_svix::idempotency::{EventKey, Store, StoreError};
    ///
    /// async fn process_again<St: Store>(store: Arc<St>) -> Result<(), StoreError> {
    ///     let layer = IdempotencyLayer::new(Arc::clone(&store));
    ///     # let _ = layer;
    ///     // Later, on the command of an operator:
    ///     if store.forget(&EventKey::new(None, "msg_1")).await? {
    ///         println!("it is processed when it is sent again");
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot tell. The key may have been forgotten.
    fn forget(&self, key: &EventKey) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Runs `work` to completion in the background, or drops it.
    ///
    /// When a request is given up, as happens when the sender hangs up, its claim must still be released, and that cannot
    /// be awaited in a destructor. `work` is that one call, or the call that was under way and perhaps a release after it:
    /// at most two of this store's own operations, and so bounded by what bounds them. A store whose operations never wait
    /// polls it once; one that needs a runtime spawns it. Dropping it is correct too, and leaves the event claimed until
    /// the lease has passed.
    ///
    /// This is called from destructors, perhaps while a panic unwinds: it must not panic.
    fn spawn(&self, work: BoxFuture<()>);
}

/// What came of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimStatus {
    /// The event is the caller's to process, until the lease has passed.
    Claimed,
    /// The event has been processed.
    Completed {
        /// That of the payload that was processed.
        fingerprint: Fingerprint,
    },
    /// The event is being processed.
    InProgress {
        /// When the lease of the delivery that processes it ends, from now. It may be done much earlier.
        expires_in: Duration,
    },
}

/// What came of the attempt to complete or release a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settlement {
    /// It is completed or released.
    Done,
    /// The lease had passed, and the event was claimed again: nothing was changed.
    Superseded,
}

/// Why a store could not tell.
#[derive(Debug)]
pub struct StoreError {
    cause: Box<dyn Error + Send + Sync>,
}

impl StoreError {
    /// An error of the store's engine, or a text.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: cause.into(),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the idempotency store failed: {}", self.cause)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

/// Several layers can share a store, and so share its ids: what one of them completed, the others do not process.
impl<St: Store> Store for Arc<St> {
    fn claim(
        &self,
        key: &EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> impl Future<Output = Result<ClaimStatus, StoreError>> + Send {
        (**self).claim(key, token, lease)
    }

    fn complete(
        &self,
        key: &EventKey,
        token: ClaimToken,
        fingerprint: Fingerprint,
        retention: Duration,
    ) -> impl Future<Output = Result<Settlement, StoreError>> + Send {
        (**self).complete(key, token, fingerprint, retention)
    }

    fn release(
        &self,
        key: &EventKey,
        token: ClaimToken,
    ) -> impl Future<Output = Result<Settlement, StoreError>> + Send {
        (**self).release(key, token)
    }

    fn forget(&self, key: &EventKey) -> impl Future<Output = Result<bool, StoreError>> + Send {
        (**self).forget(key)
    }

    fn spawn(&self, work: BoxFuture<()>) {
        (**self).spawn(work);
    }
}
