//! A store of ids in the memory of one process.
//!
//! # Why not a cache
//!
//! Well-maintained concurrent caches evict the entries that are least likely to be looked up again. Here, a repeated
//! lookup is a duplicate, the very case that the store must remember, above all for recent ids. `moka` may reject a new
//! entry at once, and cannot protect a running claim from eviction. `quick_cache` can pin entries, but first evicts
//! those that were inserted last and never looked up, which includes every event that was just processed, and has no
//! expiry. Therefore this is a table and two ordered sets under a lock.
//!
//! # Concurrency
//!
//! All state of a key is in one [`Shard`], which is behind one mutex. Each operation takes that mutex once, keeps it
//! from its first read to its last change, never waits in between, and touches no other shard. So the operations on a
//! key run one after another, each as the sequential code of [`Shard`] says. Only their order can vary, and the
//! model-based test goes through the orders. There are no atomics.

mod shard;

use std::fmt;
use std::future::ready;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use self::shard::{Digest, Shard};
use super::fingerprint::Fingerprint;
use super::key::{ClaimToken, EventKey};
use super::store::{BoxFuture, ClaimStatus, Settlement, Store, StoreError};
use crate::clock::{MonotonicClock, SystemMonotonicClock};

/// A [`Store`] in the memory of this process.
///
/// Use it for a receiver that is one process, and that may forget processed events when it restarts: another delivery
/// of such an event is then processed again. If that matters, or if several processes receive deliveries, use a shared
/// store, such as `RedisStore` of the crate `tower-svix-redis`.
///
/// The store needs no runtime, and no operation waits. An event takes about 130 bytes, however long its id is, because
/// only a SHA-256 hash of its key is stored.
///
/// # When it is full
///
/// A processed event is forgotten when its retention ends. If the store is full before that, the event whose retention
/// ends first is forgotten early, and [counted](Self::evicted). A running claim is never forgotten. If there are only
/// running claims, further events are answered with 503.
///
/// One million ids for 96 hours are about 3 events a second, without a pause. For more events, set a larger
/// [capacity](Self::with_capacity) or a shorter [retention](crate::IdempotencyLayer::retention).
///
/// # Example
///
/// ```
/// use tower_svix::IdempotencyLayer;
/// use tower_svix::idempotency::MemoryStore;
///
/// let layer = IdempotencyLayer::new(MemoryStore::new());
/// ```
#[doc(alias = "in-memory")]
pub struct MemoryStore {
    shards: Box<[Mutex<Shard>]>,
    /// Secret, so that nobody can choose ids that all end up in one shard, or in one chain of its table.
    seed: [u8; 16],
    clock: Arc<dyn MonotonicClock>,
}

/// The minimum number of ids for a separate shard.
const MIN_SHARD: usize = 4096;
const MAX_SHARDS: usize = 64;

impl MemoryStore {
    /// The default capacity: one million ids.
    pub const DEFAULT_CAPACITY: usize = 1_000_000;

    /// Creates a store for up to one million ids. It allocates memory as they arrive.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }

    /// Creates a store for up to `ids` ids. It allocates memory as they arrive.
    ///
    /// The ids are spread over up to 64 parts by their hash. A part can be full a little before the others are.
    #[must_use]
    pub fn with_capacity(ids: usize) -> Self {
        let count = (ids / MIN_SHARD).clamp(1, MAX_SHARDS);
        let shards = (0..count)
            .map(|index| Mutex::new(Shard::new(ids / count + usize::from(index < ids % count))))
            .collect();
        Self {
            shards,
            seed: random_seed(),
            clock: Arc::new(SystemMonotonicClock::default()),
        }
    }

    /// Sets the clock that leases and retentions are measured with. Default: the operating system's.
    #[must_use]
    pub fn clock(mut self, clock: impl MonotonicClock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns the number of ids in memory, including those that have expired and are not removed yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Returns whether no id is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many processed events were forgotten before their retention ended, because the store was full.
    ///
    /// If this number grows, the capacity is too small for the traffic, and a late duplicate may be processed again.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.shards.iter().map(|shard| lock(shard).evicted()).sum()
    }

    /// Runs one operation with the shard of `key`, the digest of `key`, and the time.
    fn with<T>(&self, key: &EventKey, work: impl FnOnce(&mut Shard, &Digest, Duration) -> T) -> T {
        let digest: Digest = Sha256::new()
            .chain_update(self.seed)
            .chain_update(key.as_str())
            .finalize()
            .into();
        // Not the bytes that the table in the shard uses.
        let choice = usize::from(u16::from_le_bytes([digest[8], digest[9]]));
        let mut shard = lock(&self.shards[choice % self.shards.len()]);
        // Read under the lock, so that a shard never sees time go back.
        let now = self.clock.elapsed();
        work(&mut shard, &digest, now)
    }
}

impl Store for MemoryStore {
    fn claim(
        &self,
        key: &EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> impl Future<Output = Result<ClaimStatus, StoreError>> + Send {
        ready(self.with(key, |shard, digest, now| {
            shard.claim(digest, token, now, lease)
        }))
    }

    fn complete(
        &self,
        key: &EventKey,
        token: ClaimToken,
        fingerprint: Fingerprint,
        retention: Duration,
    ) -> impl Future<Output = Result<Settlement, StoreError>> + Send {
        ready(self.with(key, |shard, digest, now| {
            shard.complete(digest, token, fingerprint, now, retention)
        }))
    }

    fn release(
        &self,
        key: &EventKey,
        token: ClaimToken,
    ) -> impl Future<Output = Result<Settlement, StoreError>> + Send {
        ready(Ok(self.with(key, |shard, digest, now| {
            shard.release(digest, token, now)
        })))
    }

    fn forget(&self, key: &EventKey) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.with(key, Shard::forget)))
    }

    /// Does the work at once: none of it waits.
    fn spawn(&self, mut work: BoxFuture<()>) {
        let _ = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Locks a shard. Ignores poisoning: only the clock can panic under the lock, and it does so before anything is
/// changed.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns random bytes from the source that protects hash tables from chosen keys, which is their purpose here too.
fn random_seed() -> [u8; 16] {
    let halves = [0_u8, 1].map(|half| RandomState::new().hash_one(half).to_le_bytes());
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&halves[0]);
    seed[8..].copy_from_slice(&halves[1]);
    seed
}
