//! Tests of the store and the inbox with a real `PostgreSQL`, which the tests start for themselves, and with `SQLite`.
#![cfg(all(feature = "postgres", feature = "sqlite", target_os = "linux"))]

mod batches;
mod costs;
mod edges;
mod inbox;
mod migrations;
mod model;
mod numbers;
mod outages;
mod receivers;
mod store;
mod support;
mod worker;
mod worker_failures;
mod worker_leases;
mod worker_losses;
