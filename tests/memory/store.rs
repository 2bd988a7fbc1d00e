//! The memory of a store of ids.

use std::time::Duration;

use dhat::HeapStats;
use tower_svix::idempotency::{ClaimStatus, ClaimToken, EventKey, Fingerprint, MemoryStore, Store};

use crate::{count, held};

/// A day.
const LONG: Duration = Duration::from_secs(86_400);

/// The capacity is a little above a power of two, where a vector that only doubles takes the most.
pub(crate) fn a_full_store_takes_130_bytes_for_each_event() {
    const CAPACITY: usize = 4200;

    let _counting = count();
    let idle = held();
    let token = ClaimToken::from_bytes([1; 16]);
    let store = MemoryStore::with_capacity(CAPACITY);
    tower_svix_tests::run(async {
        for number in 0..CAPACITY {
            let key = EventKey::new(None, &format!("msg_{number}"));
            let claim = store.claim(&key, token, LONG).await;
            assert_eq!(claim.expect("there is room"), ClaimStatus::Claimed);
            let completed = store.complete(&key, token, Fingerprint::of(b"{}"), LONG);
            completed.await.expect("it is claimed");
        }
    });
    assert_eq!(store.len(), CAPACITY);
    let bytes = (held() - idle) / CAPACITY;
    assert!((100..=130).contains(&bytes), "{bytes}");

    // A record that arrives does not move those before it, except when the vector doubles.
    let allocated = HeapStats::get().total_bytes / CAPACITY as u64;
    assert!(allocated < 1024, "{allocated}");
}
