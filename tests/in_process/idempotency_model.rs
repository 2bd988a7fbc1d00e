//! The memory store gives the same results as the simplest store.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use tower_svix::idempotency::MemoryStore;
use tower_svix_tests::store_model::{compare, steps};
use tower_svix_tests::stores::ManualTime;

#[test]
fn the_memory_store_does_what_the_model_does() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    proptest!(ProptestConfig::with_cases(2000), |(steps in steps())| {
        let time = ManualTime::default();
        let store = MemoryStore::new().clock(time.clone());
        runtime.block_on(compare(&store, &steps, async |duration| time.pass(duration)))?;
    });
}
