//! Tests for implementations of [`Store`].
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use tower_svix::idempotency::Store;
//! use tower_svix::test_util::conformance;
//!
//! /// Panics if the store breaks a rule, and says which one.
//! async fn check(store: impl Store) {
//!     conformance::check(&store, async |time| tokio::time::sleep(time).await).await;
//! }
//! ```

mod claims;
mod settling;
mod suite;
mod time;

use std::time::Duration;

use self::suite::Suite;
use crate::idempotency::Store;

/// Checks that `store` fulfils the [contract](Store#contract), as far as one process can tell.
///
/// `pass` must let at least the given time pass for the store: it sleeps, or sets a clock. More time may pass, because
/// no rule depends on it. The keys are new in each run, so the store can be one that is in use. Everything that the run
/// leaves in the store expires within an hour.
///
/// It cannot check that operations are atomic across processes, that nothing is forgotten when the store is full or
/// restarts, or that waiting is bounded.
///
/// See [`conformance`](self#example) for an example.
///
/// # Panics
///
/// Panics if a rule is broken. The message says which one.
pub async fn check<St: Store>(store: &St, pass: impl AsyncFn(Duration)) {
    let suite = Suite::new(store);
    suite.a_claim_excludes_others().await;
    suite.one_of_many_claims_wins().await;
    suite.a_completed_event_stays_completed().await;
    suite.a_completed_event_keeps_its_fingerprint().await;
    suite.a_released_event_can_be_claimed().await;
    suite.a_forgotten_event_is_free().await;
    suite.a_stranger_settles_nothing().await;
    suite.keys_are_compared_whole().await;
    suite.a_lease_passes(&pass).await;
    suite.a_late_holder_changes_nothing(&pass).await;
    suite
        .a_late_holder_without_a_successor_completes(&pass)
        .await;
    suite.a_retention_passes(&pass).await;
    suite
        .what_has_passed_is_not_there_to_be_forgotten(&pass)
        .await;
}
