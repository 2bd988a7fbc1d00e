// The first definition of a link counts: in these docs, the links of the README lead to the items themselves.
//! [`SqlStore`]: SqlStore
//! [The inbox]: inbox
//! [Duplicates]: https://github.com/tower-svix/tower-svix/blob/main/docs/DUPLICATES.md#which-one-to-choose
//! [`IdempotencyLayer`]: tower_svix::IdempotencyLayer
//! [the configuration of each database]: Inbox#configuration-of-the-database
//! [with a transaction]: Worker::transactional
//! [exceptions]: tower_svix::idempotency#when-an-event-is-processed-twice
//! [tower-svix]: tower_svix
//! [tower-svix-redis]: https://docs.rs/tower-svix-redis
//! [`examples/inbox.rs`]: https://github.com/tower-svix/tower-svix/blob/main/stores/sqlx/examples/inbox.rs
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cleanup;
mod database;
mod database_error;
mod engine;
pub mod inbox;
mod persistent;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod runners;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod table;
mod telemetry;
mod turns;
pub mod worker;

pub use self::cleanup::Cleanup;
pub use self::database_error::DatabaseError;
pub use self::engine::Engine;
pub use self::inbox::Inbox;
pub use self::store::SqlStore;
pub use self::table::{TableName, TableNameError};
pub use self::worker::Worker;
