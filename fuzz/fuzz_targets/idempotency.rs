//! The memory store gives the same results as the model, with room for all ids and with little room.

#![no_main]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tower_svix::idempotency::{
    ClaimStatus, ClaimToken, EventKey, Fingerprint, MemoryStore, MonotonicClock, Settlement,
    Store as _, StoreError,
};
use tower_svix_fuzz::drive::run;
use tower_svix_fuzz::encoding::List;
use tower_svix_fuzz::model::{Model, Reply};

/// A unit of time, in nanoseconds. It exceeds the number of steps, so that each step has its own instant.
const TICK: u64 = 1 << 20;

#[derive(Arbitrary, Debug)]
struct Input {
    /// `None`: the default.
    capacity: Option<u8>,
    steps: List<Step>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    Claim {
        key: u8,
        token: u8,
        ticks: u8,
    },
    Complete {
        key: u8,
        token: u8,
        payload: u8,
        ticks: u8,
    },
    Release {
        key: u8,
        token: u8,
    },
    Forget {
        key: u8,
    },
    Pass {
        ticks: u8,
    },
    /// Until the last instant that the store can represent.
    CompleteForEver {
        key: u8,
        token: u8,
        payload: u8,
    },
}

#[derive(Clone, Debug, Default)]
struct Clock(Arc<Mutex<u64>>);

impl MonotonicClock for Clock {
    fn elapsed(&self) -> Duration {
        nanos(*self.0.lock().expect("nobody panics with it"))
    }
}

fuzz_target!(|input: Input| {
    let clock = Clock::default();
    let capacity = input.capacity.map(usize::from);
    let store = match capacity {
        Some(capacity) => MemoryStore::with_capacity(capacity),
        None => MemoryStore::new(),
    };
    let store = store.clock(clock.clone());
    let mut model = Model::new(capacity.unwrap_or(MemoryStore::DEFAULT_CAPACITY));

    for (index, step) in (0..).zip(input.steps.0) {
        // No two records end at the same time, so it is always defined which one is forgotten first.
        let time = |ticks: u8| u64::from(ticks) * TICK + index;
        let until_the_end = u64::MAX - model.now - index;
        let (expected, found) = match step {
            Step::Claim { key, token, ticks } => (
                model.claim(key, token, time(ticks)),
                claimed(&run(store.claim(
                    &event(key),
                    by(token),
                    nanos(time(ticks)),
                ))),
            ),
            Step::Complete {
                key,
                token,
                payload,
                ticks,
            } => (
                model.complete(key, token, payload, time(ticks)),
                settled(&run(store.complete(
                    &event(key),
                    by(token),
                    of(payload),
                    nanos(time(ticks)),
                ))),
            ),
            Step::CompleteForEver {
                key,
                token,
                payload,
            } => (
                model.complete(key, token, payload, until_the_end),
                settled(&run(store.complete(
                    &event(key),
                    by(token),
                    of(payload),
                    nanos(until_the_end),
                ))),
            ),
            Step::Release { key, token } => (
                model.release(key, token),
                settled(&run(store.release(&event(key), by(token)))),
            ),
            Step::Forget { key } => (
                model.forget(key),
                run(store.forget(&event(key))).map_or(Reply::Failed, Reply::Forgotten),
            ),
            Step::Pass { ticks } => {
                model.now += u64::from(ticks) * TICK;
                *clock.0.lock().expect("nobody panics with it") = model.now;
                continue;
            }
        };
        assert_eq!(found, expected, "step {index}: {step:?}");
        assert_eq!(store.evicted(), model.evicted);
        assert!(store.len() >= model.len(), "an id is forgotten");
        if let Some(capacity) = capacity {
            assert!(store.len() <= capacity, "more ids than there is room for");
        }
    }
});

fn by(token: u8) -> ClaimToken {
    ClaimToken::from_bytes([token; 16])
}

fn of(payload: u8) -> Fingerprint {
    Fingerprint::from_bytes([payload; 16])
}

fn nanos(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

fn event(key: u8) -> EventKey {
    EventKey::new(Some("tenant"), &format!("msg_{key}"))
}

fn claimed(claim: &Result<ClaimStatus, StoreError>) -> Reply {
    match claim {
        Ok(ClaimStatus::Claimed) => Reply::Claimed,
        Ok(ClaimStatus::Completed { fingerprint }) => Reply::Completed {
            payload: fingerprint.as_bytes()[0],
        },
        Ok(ClaimStatus::InProgress { expires_in }) => Reply::InProgress {
            expires_in: u64::try_from(expires_in.as_nanos()).expect("within the lease"),
        },
        Ok(other) => panic!("{other:?}, which the contract does not know"),
        Err(_) => Reply::Failed,
    }
}

fn settled(settlement: &Result<Settlement, StoreError>) -> Reply {
    match settlement {
        Ok(Settlement::Done) => Reply::Done,
        Ok(Settlement::Superseded) => Reply::Superseded,
        Ok(other) => panic!("{other:?}, which the contract does not know"),
        Err(_) => Reply::Failed,
    }
}
