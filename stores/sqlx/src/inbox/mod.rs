//! Store each verified event before the sender is answered, and leave the work to a [`Worker`](crate::Worker).
//!
//! [`Inbox`] is the service inside [`SvixVerifyLayer`](tower_svix::SvixVerifyLayer). One `INSERT … ON CONFLICT DO NOTHING`
//! stores the event, or all those that arrive while another is being stored, so an answer takes as long as one or two writes
//! to the disk, whatever the work takes. There is no lease before the answer, and no duplicate is processed twice: an event
//! is a row, and its key is unique.
//!
//! | Delivery | Answer | [`Receipt`] |
//! | --- | --- | --- |
//! | of a new event, which is on disk now | 202 | `stored` |
//! | of one that is stored already | 200 | `duplicate` |
//! | the same, with another payload | 200, and an error in the log | `conflict` |
//! | while the database fails, or does not answer within the timeout | 503 with `Retry-After` | `store-unavailable` |
//! | without a `VerifiedEvent` | 500: the inbox is in the wrong place | `event-missing` |
//!
//! # Example
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # async fn example(secret: tower_svix::Secret) -> Result<(), Box<dyn std::error::Error>> {
//! use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
//! use tower::Layer;
//! use tower_svix::SvixVerifyLayer;
//! use tower_svix_sqlx::Inbox;
//!
//! // What is acknowledged survives a power cut.
//! let options = SqliteConnectOptions::new()
//!     .filename("webhooks.sqlite")
//!     .create_if_missing(true)
//!     .journal_mode(SqliteJournalMode::Wal)
//!     .synchronous(SqliteSynchronous::Full);
//! let inbox = Inbox::new(SqlitePool::connect_with(options).await?);
//! inbox.migrate().await?;
//! let app: axum::Router = axum::Router::new()
//!     .route_service("/webhook", SvixVerifyLayer::new(secret).layer(inbox));
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! 1. **What is acknowledged is on disk,** if the database is set up to [write before it answers](Inbox#what-the-database-must-be-set-up-for).
//! 2. **An event is stored once** while its row is there, however many deliveries of it arrive at once. Its key is the tenant
//!    and the id, or what [`Inbox::key`] says.
//! 3. **Any payload is stored,** byte for byte, also one that is not JSON or not UTF-8; its type is unknown then.
//! 4. **Waiting is bounded.** A delivery is answered within [`Inbox::timeout`], and the wait for a connection of the pool counts.
//!
//! A duplicate is recognised until the row is deleted: [`Inbox::delete_done`] should leave it for longer than the
//! sender's whole schedule, which is 34 hours with Svix and 76 with the one that Standard Webhooks suggests.
//!
//! # Operation
//!
//! [`Inbox::counts`], [`list`](Inbox::list) and [`payload`](Inbox::payload) show what is there, [`retry`](Inbox::retry) and
//! [`retry_dead`](Inbox::retry_dead) have events processed again, [`forget`](Inbox::forget) deletes one,
//! [`delete_done`](Inbox::delete_done) those that are done, and [`delete_dead`](Inbox::delete_dead) those that are given up.
//! They are methods of the inbox, so a program of an operator makes one with the same table, and no worker.

mod announcer;
mod columns;
mod entry;
mod event;
mod operation;
mod receipt;
mod service;
mod settings;
mod state;
mod writer;

pub use self::entry::{Counts, Entry, Filter};
pub use self::event::StoredEvent;
pub use self::receipt::Receipt;
pub use self::service::ResponseFuture;
pub use self::settings::Inbox;
pub use self::state::State;
