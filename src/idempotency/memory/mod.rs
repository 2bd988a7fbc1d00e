//! Ids in the memory of one process.
//!
//! # Why not a cache
//!
//! The well-kept concurrent caches choose what to evict by how likely it is to be asked for again. Here, a repeated
//! lookup is a duplicate, the very case that the store must remember, above all for recent ids. `moka` may turn a new
//! entry away at once, and cannot keep a running claim from eviction. `quick_cache` can pin entries, but evicts first
//! what was inserted last and never asked for, which is any event that was just processed, and knows no expiry. So
//! this is a table and two ordered sets under a lock.
//!
//! # Concurrency
//!
//! All state of a key is in one [`Shard`], which is behind one mutex. Each operation takes that mutex once, holds it
//! from its first look to its last change, never waits within, and touches no other shard. So the operations on a key
//! happen one after another, each of them as the sequential code of [`Shard`] says: no interleaving is left to explore
//! but their order, and the model-based test goes through those. There are no atomics.

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

/// Remembers events in the memory of this process.
///
/// For a receiver that is one process, and may forget what it processed when it restarts: a delivery that was processed
/// before is then processed again. Where that matters, or where several processes receive, use a store that they share.
///
/// It needs no runtime, and no operation waits. An event takes some 130 bytes however long its id is, since a SHA-256
/// hash stands for it.
///
/// # When it is full
///
/// An event that was processed is forgotten when its retention ends. If there is no room before that, the one whose
/// retention ends first is forgotten early, and [counted](Self::evicted). A running claim is never forgotten: if
/// there is nothing else, further events are answered with 503.
///
/// One million ids for 96 hours are some 3 events a second, without a pause. Beyond that, set a larger
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
pub struct MemoryStore {
    shards: Box<[Mutex<Shard>]>,
    /// Nobody knows it, so nobody can choose ids that all end up in one shard, or in one chain of its table.
    seed: [u8; 16],
    clock: Arc<dyn MonotonicClock>,
}

/// A shard is not worth it for fewer ids.
const MIN_SHARD: usize = 4096;
const MAX_SHARDS: usize = 64;

impl MemoryStore {
    /// The capacity unless it is set: one million ids.
    pub const DEFAULT_CAPACITY: usize = 1_000_000;

    /// Remembers up to a million ids. Memory is taken as they come.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }

    /// Remembers up to `ids` ids. Memory is taken as they come.
    ///
    /// They are spread over up to 64 parts by their hash, and a part can be full a little before the others are.
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

    /// The clock that leases and retentions are measured with. Default: the operating system's.
    #[must_use]
    pub fn clock(mut self, clock: impl MonotonicClock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How many ids are remembered, counting those that have expired and were not removed yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Tells whether no id is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many processed events were forgotten before their retention ended, for want of room.
    ///
    /// If this grows, a late duplicate may be processed again: the capacity is too small for the traffic.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.shards.iter().map(|shard| lock(shard).evicted()).sum()
    }

    /// Does the work of one operation: with the shard of `key`, its digest, and the time.
    fn with<T>(&self, key: &EventKey, work: impl FnOnce(&mut Shard, &Digest, Duration) -> T) -> T {
        let digest: Digest = Sha256::new()
            .chain_update(self.seed)
            .chain_update(key.as_str())
            .finalize()
            .into();
        // Other bytes than the table within the shard uses.
        let choice = usize::from(u16::from_le_bytes([digest[8], digest[9]]));
        let mut shard = lock(&self.shards[choice % self.shards.len()]);
        // Read under the lock, so that a shard sees time pass in one direction.
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

    /// Does the work here and now: none of it waits.
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

/// A panic under the lock could only come from the clock, before anything is changed.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Random bytes of the kind that keep hash tables safe from chosen keys, which is what they are for here.
fn random_seed() -> [u8; 16] {
    let halves = [0_u8, 1].map(|half| RandomState::new().hash_one(half).to_le_bytes());
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&halves[0]);
    seed[8..].copy_from_slice(&halves[1]);
    seed
}
