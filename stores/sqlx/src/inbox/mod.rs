//! Store each verified event before the sender gets a response, and process it later with a [`Worker`](crate::Worker).
//!
//! [`Inbox`] is the service inside [`SvixVerifyLayer`](tower_svix::SvixVerifyLayer). One `INSERT … ON CONFLICT DO NOTHING`
//! stores the event, together with all that arrive while an earlier one is being stored. A response takes one or two writes to
//! the disk, however long the work takes. No lease runs before the response, and a duplicate is never processed: an event is a
//! row with a unique key.
//!
//! | Delivery | Response | [`Receipt`] |
//! | --- | --- | --- |
//! | of a new event, which is on disk now | 202 | `stored` |
//! | of an event that is already stored | 200 | `duplicate` |
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
//! # Guarantees
//!
//! 1. **An acknowledged event is on disk,** if the database is
//!    [configured to write before it responds](Inbox#configuration-of-the-database).
//! 2. **An event is stored once,** however many deliveries of it arrive at once, until its row is deleted. Its key is the tenant
//!    and the id, or the result of [`Inbox::key`].
//! 3. **Any payload is stored,** byte for byte, also one that is not JSON or not UTF-8. Its type is then unknown.
//! 4. **Waiting is bounded.** A delivery gets its response within [`Inbox::timeout`], which includes the wait for a connection
//!    of the pool.
//!
//! A duplicate is recognised until the row is deleted. [`Inbox::delete_done`] should keep rows for longer than the sender's
//! whole schedule, which is 34 hours with Svix, and 76 hours with the schedule that Standard Webhooks suggests.
//!
//! # Operation
//!
//! [`Inbox::counts`], [`list`](Inbox::list) and [`payload`](Inbox::payload) show the stored events. [`retry`](Inbox::retry)
//! and [`retry_dead`](Inbox::retry_dead) let a worker process events again. [`forget`](Inbox::forget) deletes one event,
//! [`delete_done`](Inbox::delete_done) those that are done, and [`delete_dead`](Inbox::delete_dead) those that were given up.
//! A program for operators makes an inbox with the same table, and no worker.

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
