//! The configuration of a worker.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Transaction;

use super::backoff::Backoff;
use super::failure::BoxError;
use crate::database::LONGEST;
use crate::engine::Engine;
use crate::inbox::{Inbox, StoredEvent};

/// A boxed future that borrows.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

type Plain = dyn Fn(StoredEvent) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync;
pub(super) type Transactional<DB> = dyn for<'a> Fn(StoredEvent, &'a mut Transaction<'static, DB>) -> BoxFuture<'a, Result<(), BoxError>>
    + Send
    + Sync;

/// The handler of a worker.
pub(super) enum Handler<DB: Engine> {
    Plain(Box<Plain>),
    Transactional(Box<Transactional<DB>>),
}

const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// A worker that processes the events of an [`Inbox`].
///
/// See the [module docs](crate::worker) for examples and guarantees.
#[doc(alias = "consumer")]
#[doc(alias = "job")]
#[doc(alias = "queue")]
#[must_use = "a worker does nothing unless it runs"]
pub struct Worker<DB: Engine> {
    pub(super) inbox: Inbox<DB>,
    pub(super) handler: Arc<Handler<DB>>,
    pub(super) concurrency: usize,
    pub(super) lease: Duration,
    pub(super) timeout: Duration,
    pub(super) grace: Duration,
    pub(super) poll_interval: Duration,
    pub(super) max_attempts: u32,
    pub(super) backoff: Backoff,
}

impl<DB: Engine> Worker<DB> {
    /// Returns a worker that calls `handler` at least once for each event of `inbox`.
    ///
    /// The worker writes the handler's error into the table and the log, so the error should contain nothing secret. If the
    /// error or one of its sources is a [`Failure`], it decides when the next attempt follows.
    ///
    /// [`Failure`]: super::Failure
    pub fn new<H, F, E>(inbox: Inbox<DB>, handler: H) -> Self
    where
        H: Fn(StoredEvent) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let plain: Box<Plain> = Box::new(move |event| {
            let work = handler(event);
            Box::pin(async move { work.await.map_err(Into::into) })
        });
        Self::with(inbox, Handler::Plain(plain))
    }

    /// Returns a worker that calls `handler` with a transaction, and afterwards marks the event as done in it. The changes in
    /// that transaction happen exactly once for each event.
    ///
    /// This does not include effects elsewhere or in other transactions. The worker commits the transaction if the handler
    /// returns `Ok`, and rolls it back otherwise. A handler must not end the transaction, and must return the error of a
    /// statement instead of continuing: after some errors, such as a full disk, `SQLite` has already rolled back, and writes
    /// the following statements at once. The attempt has then failed, whatever the handler returns.
    ///
    /// - On `SQLite`, the transaction keeps all others from writing, the inbox included, so it must be short. Only one is open
    ///   at a time. Its lease is not renewed meanwhile, because nobody else can take the event. The effects must be in the file
    ///   of the inbox: with `journal_mode = WAL`, a transaction over several attached files is atomic in each of them, but a
    ///   power cut can leave it in one and not in another.
    /// - On Postgres, two connections of the pool are left to others. A worker that is frozen keeps the locks of its
    ///   transaction until `idle_in_transaction_session_timeout` ends it. The worker sets this to the
    ///   [timeout](Self::timeout) of the handler plus one second. Others wait for these locks for as long, so the
    ///   timeout should be short.
    pub fn transactional<H, E>(inbox: Inbox<DB>, handler: H) -> Self
    where
        H: for<'a> Fn(
                StoredEvent,
                &'a mut Transaction<'static, DB>,
            ) -> BoxFuture<'a, Result<(), E>>
            + Send
            + Sync
            + 'static,
        E: Into<BoxError> + 'static,
    {
        let transactional: Box<Transactional<DB>> = Box::new(move |event, transaction| {
            let work = handler(event, transaction);
            Box::pin(async move { work.await.map_err(Into::into) })
        });
        Self::with(inbox, Handler::Transactional(transactional))
    }

    fn with(inbox: Inbox<DB>, handler: Handler<DB>) -> Self {
        Self {
            inbox,
            handler: Arc::new(handler),
            concurrency: 8,
            lease: Duration::from_secs(30),
            timeout: Duration::from_mins(5),
            grace: Duration::from_secs(20),
            poll_interval: Duration::from_secs(1),
            max_attempts: 20,
            backoff: Backoff::default(),
        }
    }

    /// Sets how many events are processed at the same time. Default: 8.
    pub fn concurrency(mut self, events: usize) -> Self {
        self.concurrency = events.max(1);
        self
    }

    /// Sets the lease: how long a worker keeps an event without renewing it. Default: 30 seconds. Minimum: one second.
    ///
    /// The worker renews the lease while a handler runs, so a handler may take longer. After a worker has died, its events wait
    /// until the lease ends. The lease should be several times [`Inbox::timeout`], so that the worker can renew it when the
    /// database is slow.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.clamp(Duration::from_secs(1), LONGEST);
        self
    }

    /// Sets the timeout of a handler, after which it is stopped and the attempt has failed. Default: five minutes.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(LONGEST);
        self
    }

    /// Sets how long handlers may continue after the worker was told to stop. Default: 20 seconds.
    ///
    /// Handlers that still run after that are stopped, and their events are given back, so that another worker can take them at
    /// once. This does not count as an attempt.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace.min(LONGEST);
        self
    }

    /// Sets the interval in which the worker looks for events that were not announced. Default: one second. Minimum: ten
    /// milliseconds.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval.clamp(SHORTEST_INTERVAL, LONGEST);
        self
    }

    /// Sets the number of attempts, including the first, after which an event is dead. Default: 20.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Sets the pauses between attempts. Default: from one second to ten minutes.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }
}

impl<DB: Engine> fmt::Debug for Worker<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("inbox", &self.inbox)
            .field("concurrency", &self.concurrency)
            .field("lease", &self.lease)
            .field("timeout", &self.timeout)
            .field("grace", &self.grace)
            .field("poll_interval", &self.poll_interval)
            .field("max_attempts", &self.max_attempts)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}
