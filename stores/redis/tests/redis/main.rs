//! Tests of the store with a real Redis, which each test starts for itself.

mod blocking;
#[path = "../../examples/cluster.rs"]
#[allow(dead_code, reason = "its program is not run")]
mod cluster_example;
mod cluster_failover;
mod cluster_migration;
mod model;
mod names;
mod nested;
mod receivers;
mod round_trips;
mod senders;
mod store;
