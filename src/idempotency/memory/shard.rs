//! A part of the ids, with sequential code only.

use std::collections::BTreeSet;
use std::time::Duration;

use hashbrown::HashTable;

use crate::idempotency::fingerprint::Fingerprint;
use crate::idempotency::key::ClaimToken;
use crate::idempotency::store::{ClaimStatus, Settlement, StoreError};

/// The SHA-256 of a key, which stands for the key: nobody can find two keys with the same one.
pub(super) type Digest = [u8; 32];

/// Nanoseconds since the clock's start. Half as large as a `Duration`, and sufficient for 584 years.
type Nanos = u64;
type Slot = u32;

/// The number of expired ids that each operation removes: more than it can add, so that none stays for long.
const SWEEP: usize = 2;

/// A part of the ids: a table to find one, and two sets to find those that expire next.
pub(super) struct Shard {
    capacity: usize,
    /// The slots of the records, by digest.
    table: HashTable<Slot>,
    records: Vec<Record>,
    vacant: Vec<Slot>,
    claimed: BTreeSet<(Nanos, Slot)>,
    completed: BTreeSet<(Nanos, Slot)>,
    evicted: u64,
}

#[derive(Clone, Copy)]
struct Record {
    digest: Digest,
    token: ClaimToken,
    expiry: Nanos,
    /// The fingerprint of the processed payload. `None` until it is processed.
    completed: Option<Fingerprint>,
}

struct Found {
    slot: Option<Slot>,
    /// The record in the slot, unless it has expired.
    live: Option<Record>,
}

impl Shard {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.min(Slot::MAX as usize),
            table: HashTable::new(),
            records: Vec::new(),
            vacant: Vec::new(),
            claimed: BTreeSet::new(),
            completed: BTreeSet::new(),
            evicted: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(super) fn claim(
        &mut self,
        digest: &Digest,
        token: ClaimToken,
        now: Duration,
        lease: Duration,
    ) -> Result<ClaimStatus, StoreError> {
        let (now, expiry) = (nanos(now), nanos(now.saturating_add(lease)));
        let found = self.find(digest, now);
        if let Some(record) = found.live {
            return Ok(if let Some(fingerprint) = record.completed {
                ClaimStatus::Completed { fingerprint }
            } else if record.token == token {
                ClaimStatus::Claimed
            } else {
                let expires_in = Duration::from_nanos(record.expiry - now);
                ClaimStatus::InProgress { expires_in }
            });
        }
        let record = Record {
            digest: *digest,
            token,
            expiry,
            completed: None,
        };
        self.put(found.slot, record, now)?;
        Ok(ClaimStatus::Claimed)
    }

    pub(super) fn complete(
        &mut self,
        digest: &Digest,
        token: ClaimToken,
        fingerprint: Fingerprint,
        now: Duration,
        retention: Duration,
    ) -> Result<Settlement, StoreError> {
        let (now, expiry) = (nanos(now), nanos(now.saturating_add(retention)));
        let found = self.find(digest, now);
        if found.live.is_some_and(|record| record.token != token) {
            return Ok(Settlement::Superseded);
        }
        let record = Record {
            digest: *digest,
            token,
            expiry,
            completed: Some(fingerprint),
        };
        self.put(found.slot, record, now)?;
        Ok(Settlement::Done)
    }

    pub(super) fn release(
        &mut self,
        digest: &Digest,
        token: ClaimToken,
        now: Duration,
    ) -> Settlement {
        let found = self.find(digest, nanos(now));
        match found.live {
            Some(record) if record.completed.is_some() || record.token != token => {
                Settlement::Superseded
            }
            Some(_) | None => {
                if let Some(slot) = found.slot {
                    self.remove(slot);
                }
                Settlement::Done
            }
        }
    }

    pub(super) fn forget(&mut self, digest: &Digest, now: Duration) -> bool {
        let found = self.find(digest, nanos(now));
        if let Some(slot) = found.slot {
            self.remove(slot);
        }
        found.live.is_some()
    }

    /// Removes some records that have expired, and then finds the record of `digest`.
    fn find(&mut self, digest: &Digest, now: Nanos) -> Found {
        for _ in 0..SWEEP {
            self.remove_expired(now);
        }
        let slot = self
            .table
            .find(hash(digest), |slot| {
                self.records[*slot as usize].digest == *digest
            })
            .copied();
        let live = slot
            .map(|slot| self.records[slot as usize])
            .filter(|record| record.expiry > now);
        Found { slot, live }
    }

    /// Removes one expired record, and returns whether there was one.
    fn remove_expired(&mut self, now: Nanos) -> bool {
        let expired = [&self.claimed, &self.completed]
            .into_iter()
            .filter_map(BTreeSet::first)
            .find(|(expiry, _)| *expiry <= now)
            .copied();
        if let Some((_, slot)) = expired {
            self.remove(slot);
        }
        expired.is_some()
    }

    /// Replaces the record in `slot` by `record`, or puts `record` into a vacant slot.
    fn put(&mut self, slot: Option<Slot>, record: Record, now: Nanos) -> Result<(), StoreError> {
        let slot = if let Some(slot) = slot {
            self.unqueue(slot);
            slot
        } else {
            if self.len() >= self.capacity {
                self.make_room(now)?;
            }
            self.vacant_slot(&record)
        };
        self.records[slot as usize] = record;
        self.queue(record.completed.is_some())
            .insert((record.expiry, slot));
        Ok(())
    }

    /// Returns a vacant slot, and adds it to the table under the digest of `record`.
    fn vacant_slot(&mut self, record: &Record) -> Slot {
        let slot = self.vacant.pop().unwrap_or_else(|| {
            let slot = self.records.len();
            if slot == self.records.capacity() {
                // Doubles, but not beyond the capacity.
                self.records
                    .reserve_exact(slot.max(16).min(self.capacity - slot));
            }
            self.records.push(*record);
            Slot::try_from(slot).expect("the capacity is a number of slots")
        });
        let Self { table, records, .. } = self;
        table.insert_unique(hash(&record.digest), slot, |slot| {
            hash(&records[*slot as usize].digest)
        });
        slot
    }

    /// Removes an expired record, or else the completed one that expires first.
    fn make_room(&mut self, now: Nanos) -> Result<(), StoreError> {
        if self.remove_expired(now) {
            return Ok(());
        }
        let Some(&(_, slot)) = self.completed.first() else {
            return Err(StoreError::new("it is full of running claims"));
        };
        self.evicted += 1;
        self.remove(slot);
        Ok(())
    }

    fn remove(&mut self, slot: Slot) {
        self.unqueue(slot);
        let digest = &self.records[slot as usize].digest;
        if let Ok(entry) = self.table.find_entry(hash(digest), |other| *other == slot) {
            entry.remove();
        }
        self.vacant.push(slot);
    }

    fn unqueue(&mut self, slot: Slot) {
        let Record {
            expiry, completed, ..
        } = self.records[slot as usize];
        self.queue(completed.is_some()).remove(&(expiry, slot));
    }

    fn queue(&mut self, completed: bool) -> &mut BTreeSet<(Nanos, Slot)> {
        if completed {
            &mut self.completed
        } else {
            &mut self.claimed
        }
    }
}

/// Returns a part of the digest, which is already uniform and which nobody can choose.
fn hash(digest: &Digest) -> u64 {
    u64::from_le_bytes(*digest.first_chunk().expect("32 bytes"))
}

fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}
