//! The trait for stores, and what an implementation must do.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::fingerprint::Fingerprint;
use super::key::{ClaimToken, EventKey};

/// A boxed future that can outlive the request that it belongs to. See [`Store::spawn`].
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A record of the events that are being processed, and of those that have been.
///
/// Each key is in one of three states: *free*, *claimed* under a token until the lease ends, or *completed* under a
/// token until the retention ends. When the lease or the retention ends, the key becomes free by itself.
///
/// # Contract
///
/// [`IdempotencyLayer`](crate::IdempotencyLayer) relies on the store alone to process each event once. An
/// implementation must guarantee:
///
/// 1. Each operation is atomic. Of any number of concurrent claims on a free key, from any number of processes, exactly
///    one gets [`ClaimStatus::Claimed`]. It is not enough to look first and insert afterwards, because two claims can
///    look before either inserts. Use a single operation of the engine: one lock, one script, one
///    `INSERT … ON CONFLICT`.
/// 2. A key that is claimed or completed is not forgotten before its time. A store that has no room for another claim
///    must return an error, so that the sender tries again later. It may forget the oldest completed keys to limit its
///    size, if its documentation says so.
/// 3. Nothing is kept beyond its time: leases and retentions end even if the process dies in the middle.
/// 4. Two different keys are never confused. Compare whole keys, or a cryptographic hash of them: senders choose the
///    ids.
/// 5. An operation that is repeated with the same token returns the same result, because clients of networked stores
///    send a command again if the connection broke before the reply. [`forget`](Store::forget) has no token: when it is
///    repeated, it returns `false`, or forgets a claim that was made in between.
/// 6. Waiting is bounded. An operation that takes too long returns an error, although it may have been carried out.
///
/// [`conformance::check`](crate::test_util::conformance::check) (feature `test-util`) checks most of this for any
/// implementation.
///
/// # Example
///
/// A store implements four `async fn`, and [`spawn`](Store::spawn). This one adds a log to any other store:
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
    /// Returns [`StoreError`] if the store fails. The claim may have been carried out: it is then released later
    /// if possible, and otherwise ends with its lease.
    fn claim(
        &self,
        key: &EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> impl Future<Output = Result<ClaimStatus, StoreError>> + Send;

    /// Records for `retention` that the holder of `token` processed the event, and the fingerprint of its payload.
    ///
    /// | `key` is | Returns | Afterwards |
    /// | --- | --- | --- |
    /// | claimed or completed by `token` | [`Settlement::Done`] | completed by `token` for `retention` |
    /// | free: the lease has passed, and no other token claimed it | [`Settlement::Done`] | completed by `token` for `retention` |
    /// | claimed or completed by another token | [`Settlement::Superseded`] | as before |
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the store fails. The completion may have been recorded.
    fn complete(
        &self,
        key: &EventKey,
        token: ClaimToken,
        fingerprint: Fingerprint,
        retention: Duration,
    ) -> impl Future<Output = Result<Settlement, StoreError>> + Send;

    /// Releases the claim, because the event was not processed.
    ///
    /// | `key` is | Returns | Afterwards |
    /// | --- | --- | --- |
    /// | claimed by `token` | [`Settlement::Done`] | free |
    /// | free | [`Settlement::Done`] | free |
    /// | claimed by another token, or completed | [`Settlement::Superseded`] | as before |
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the store fails. The claim then ends with its lease, if not before.
    fn release(
        &self,
        key: &EventKey,
        token: ClaimToken,
    ) -> impl Future<Output = Result<Settlement, StoreError>> + Send;

    /// Forgets `key` in any state, so that the event can be processed again by hand. Returns whether there was anything
    /// to forget.
    ///
    /// | `key` is | Returns | Afterwards |
    /// | --- | --- | --- |
    /// | free | `false` | free |
    /// | claimed or completed | `true` | free |
    ///
    /// The middleware never calls this. It is for operators, who then ask the sender to send the event again. Share the
    /// store with the layer as an [`Arc`] to call it.
    ///
    /// Call this only when no delivery of the event is being processed, because it does not stop the handler. If
    /// another delivery arrives before the handler ends, both are processed at the same time. If none arrives, the
    /// handler's completion finds the key free and succeeds: the event is completed again, and nothing has been
    /// forgotten.
    ///
    /// # Example
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
    ///         println!("the event is processed when it is sent again");
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] if the store fails. The key may have been forgotten.
    fn forget(&self, key: &EventKey) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Runs `work` to completion in the background, or drops it.
    ///
    /// When a request is dropped, for example because the sender hangs up, its claim must still be released, and a
    /// destructor cannot await that. `work` is the release, or the operation that was in progress, with a release after
    /// it if that is needed. So `work` is at most two operations of this store, and ends when they do.
    ///
    /// A store whose operations never wait polls `work` once. A store that needs a runtime spawns it. Dropping `work`
    /// is also correct, and leaves the event claimed until the lease has passed.
    ///
    /// This is called from destructors, possibly while a panic unwinds, and must not panic.
    fn spawn(&self, work: BoxFuture<()>);
}

/// The result of [`Store::claim`].
///
/// See [`Store`](Store#example) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimStatus {
    /// The caller may process the event until the lease has passed.
    Claimed,
    /// The event has been processed.
    Completed {
        /// The fingerprint of the payload that was processed.
        fingerprint: Fingerprint,
    },
    /// Another delivery of the event is being processed.
    InProgress {
        /// The time until the lease of that delivery ends. The delivery may end much earlier.
        expires_in: Duration,
    },
}

/// The result of [`Store::complete`] and [`Store::release`].
///
/// See [`Store`](Store#example) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settlement {
    /// The claim is completed or released.
    Done,
    /// Another token has claimed or completed the event, or the event to release is completed: nothing was changed.
    Superseded,
}

/// The error of an operation of a [`Store`]. The operation may have been carried out.
///
/// # Example
///
/// ```
/// use tower_svix::idempotency::StoreError;
///
/// let error = StoreError::new("the connection is closed");
/// assert_eq!(error.to_string(), "the idempotency store failed: the connection is closed");
/// ```
#[derive(Debug)]
pub struct StoreError {
    cause: Box<dyn Error + Send + Sync>,
}

impl StoreError {
    /// Makes an error from an error of the store's engine, or from a text.
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

/// Several layers can share a store, and then share its ids: an event that one of them completed is not processed by
/// the others.
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
