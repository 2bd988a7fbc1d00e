//! The simplest store of ids that follows the contract of `tower_svix::idempotency::Store`.

use std::collections::BTreeMap;

/// The state of an id.
#[derive(Clone, Copy, Debug)]
struct Record {
    token: u8,
    /// The payload that was processed, if the event is completed.
    completed: Option<u8>,
    expiry: u64,
}

/// The result of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    Claimed,
    Completed {
        payload: u8,
    },
    InProgress {
        expires_in: u64,
    },
    Done,
    Superseded,
    /// Whether the store knew the event.
    Forgotten(bool),
    /// There is no room.
    Failed,
}

/// A store of ids. Time is in nanoseconds.
#[derive(Debug)]
pub struct Model {
    pub now: u64,
    pub evicted: u64,
    capacity: usize,
    records: BTreeMap<u8, Record>,
}

impl Model {
    pub fn new(capacity: usize) -> Self {
        Self {
            now: 0,
            evicted: 0,
            capacity,
            records: BTreeMap::new(),
        }
    }

    /// Returns how many ids have not expired.
    pub fn len(&mut self) -> usize {
        self.expire();
        self.records.len()
    }

    pub fn is_empty(&mut self) -> bool {
        self.len() == 0
    }

    pub fn claim(&mut self, key: u8, token: u8, lease: u64) -> Reply {
        self.expire();
        match self.records.get(&key) {
            Some(record) => match record.completed {
                Some(payload) => Reply::Completed { payload },
                None if record.token == token => Reply::Claimed,
                None => Reply::InProgress {
                    expires_in: record.expiry - self.now,
                },
            },
            None => self.put(key, token, None, lease, Reply::Claimed),
        }
    }

    pub fn complete(&mut self, key: u8, token: u8, payload: u8, retention: u64) -> Reply {
        self.expire();
        match self.records.get(&key) {
            Some(record) if record.token != token => Reply::Superseded,
            _ => self.put(key, token, Some(payload), retention, Reply::Done),
        }
    }

    pub fn release(&mut self, key: u8, token: u8) -> Reply {
        self.expire();
        match self.records.get(&key) {
            Some(record) if record.completed.is_some() || record.token != token => {
                Reply::Superseded
            }
            _ => {
                self.records.remove(&key);
                Reply::Done
            }
        }
    }

    pub fn forget(&mut self, key: u8) -> Reply {
        self.expire();
        Reply::Forgotten(self.records.remove(&key).is_some())
    }

    fn expire(&mut self) {
        let now = self.now;
        self.records.retain(|_, record| record.expiry > now);
    }

    fn put(&mut self, key: u8, token: u8, completed: Option<u8>, time: u64, reply: Reply) -> Reply {
        if !self.records.contains_key(&key) && self.records.len() >= self.capacity {
            // The completed event whose retention ends first makes room. A claim never does.
            let completed = self
                .records
                .iter()
                .filter(|(_, record)| record.completed.is_some());
            let first = completed.min_by_key(|(_, record)| record.expiry);
            let Some((&first, _)) = first else {
                return Reply::Failed;
            };
            self.records.remove(&first);
            self.evicted += 1;
        }
        let expiry = self.now.saturating_add(time);
        self.records.insert(
            key,
            Record {
                token,
                completed,
                expiry,
            },
        );
        reply
    }
}
