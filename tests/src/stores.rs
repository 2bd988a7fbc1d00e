//! Helpers for tests of stores: steps of a test, a clock that the test sets, and a store that fails when it is told to.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_svix::idempotency::{
    BoxFuture, ClaimStatus, ClaimToken, EventKey, Fingerprint, MemoryStore, MonotonicClock,
    Settlement, Store, StoreError,
};

/// Longer than any test of a store takes.
pub const LEASE: Duration = Duration::from_secs(60);
/// Longer than [`LEASE`].
pub const RETENTION: Duration = Duration::from_secs(3600);

pub fn key(id: impl fmt::Display) -> EventKey {
    EventKey::new(None, &format!("msg_{id}"))
}

pub fn token() -> ClaimToken {
    ClaimToken::random().unwrap()
}

/// Returns the fingerprint of a payload, for tests that do not depend on it.
pub fn fingerprint() -> Fingerprint {
    Fingerprint::of(b"{}")
}

/// Returns the status of an event that was completed with [`fingerprint`].
pub fn completed() -> ClaimStatus {
    let fingerprint = fingerprint();
    ClaimStatus::Completed { fingerprint }
}

/// Claims a free event and completes it.
pub async fn process(store: &impl Store, key: &EventKey) {
    let token = token();
    let claim = store.claim(key, token, LEASE).await.unwrap();
    assert_eq!(claim, ClaimStatus::Claimed, "{key}");
    let completed = store
        .complete(key, token, fingerprint(), RETENTION)
        .await
        .unwrap();
    assert_eq!(completed, Settlement::Done, "{key}");
}

/// A clock that moves only when the test moves it. Clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct ManualTime(Arc<Mutex<Duration>>);

impl ManualTime {
    pub fn pass(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

impl MonotonicClock for ManualTime {
    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

/// A memory store behind a network that can fail.
#[derive(Clone)]
pub struct Remote {
    store: Arc<MemoryStore>,
    pub claim: Arc<Line>,
    pub complete: Arc<Line>,
    pub release: Arc<Line>,
    spawned: Arc<Mutex<Vec<BoxFuture<()>>>>,
}

/// The state of the network for one kind of operation.
#[derive(Default)]
pub struct Line {
    /// The operation is carried out, but the reply is lost.
    pub loses_replies: AtomicBool,
    /// The operation waits until this is cleared.
    pub is_stuck: AtomicBool,
}

impl Line {
    pub fn lose_replies(&self, lose: bool) {
        self.loses_replies.store(lose, Ordering::SeqCst);
    }

    pub fn stick(&self, stuck: bool) {
        self.is_stuck.store(stuck, Ordering::SeqCst);
    }

    async fn pass(&self) {
        while self.is_stuck.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }

    fn reply<T>(&self, reply: Result<T, StoreError>) -> Result<T, StoreError> {
        if self.loses_replies.load(Ordering::SeqCst) {
            return Err(StoreError::new("the reply was lost"));
        }
        reply
    }
}

impl Remote {
    pub fn new(time: ManualTime) -> Self {
        Self {
            store: Arc::new(MemoryStore::new().clock(time)),
            claim: Arc::default(),
            complete: Arc::default(),
            release: Arc::default(),
            spawned: Arc::default(),
        }
    }

    /// Runs the work that dropped requests have left, and returns how many pieces there were.
    pub async fn run_spawned(&self) -> usize {
        let spawned = mem::take(&mut *self.spawned.lock().unwrap());
        let count = spawned.len();
        for work in spawned {
            work.await;
        }
        count
    }
}

/// Its clock stands still.
impl Default for Remote {
    fn default() -> Self {
        Self::new(ManualTime::default())
    }
}

impl Store for Remote {
    async fn claim(
        &self,
        key: &EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<ClaimStatus, StoreError> {
        self.claim.pass().await;
        self.claim.reply(self.store.claim(key, token, lease).await)
    }

    async fn complete(
        &self,
        key: &EventKey,
        token: ClaimToken,
        fingerprint: Fingerprint,
        retention: Duration,
    ) -> Result<Settlement, StoreError> {
        self.complete.pass().await;
        let reply = self
            .store
            .complete(key, token, fingerprint, retention)
            .await;
        self.complete.reply(reply)
    }

    async fn release(&self, key: &EventKey, token: ClaimToken) -> Result<Settlement, StoreError> {
        self.release.pass().await;
        self.release.reply(self.store.release(key, token).await)
    }

    async fn forget(&self, key: &EventKey) -> Result<bool, StoreError> {
        self.store.forget(key).await
    }

    fn spawn(&self, work: BoxFuture<()>) {
        self.spawned.lock().unwrap().push(work);
    }
}
