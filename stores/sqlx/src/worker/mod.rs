//! Process the events of an [`Inbox`](crate::Inbox) in the background.
//!
//! Any number of workers, on any number of machines, share an inbox in Postgres: each takes what no other has (`FOR UPDATE
//! SKIP LOCKED`). Workers on `SQLite` share a file, so they are on one machine.
//!
//! # Example
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # async fn example(pool: sqlx::SqlitePool) {
//! use std::convert::Infallible;
//! use tower_svix_sqlx::inbox::StoredEvent;
//! use tower_svix_sqlx::{Inbox, Worker};
//!
//! /// May run more than once for an event.
//! async fn process(event: StoredEvent) -> Result<(), Infallible> {
//!     println!("{}: {} bytes", event.id(), event.payload().len());
//!     Ok(())
//! }
//!
//! let worker = Worker::new(Inbox::new(pool), process).concurrency(4);
//! worker.run_until(async { tokio::signal::ctrl_c().await.unwrap() }).await;
//! # }
//! ```
//!
//! If the effects are rows of the same database, they happen exactly once:
//!
//! ```
//! # #[cfg(feature = "postgres")]
//! # async fn example(pool: sqlx::PgPool) {
//! use sqlx::{Postgres, Transaction};
//! use tower_svix_sqlx::inbox::StoredEvent;
//! use tower_svix_sqlx::{Inbox, Worker};
//!
//! async fn process(
//!     event: StoredEvent,
//!     transaction: &mut Transaction<'static, Postgres>,
//! ) -> Result<(), sqlx::Error> {
//!     sqlx::query("INSERT INTO invoices (payload) VALUES ($1)")
//!         .bind(&event.payload()[..])
//!         .execute(&mut **transaction)
//!         .await?;
//!     Ok(())
//! }
//!
//! let worker = Worker::transactional(Inbox::new(pool), |event, transaction| {
//!     Box::pin(process(event, transaction))
//! });
//! worker.run().await;
//! # }
//! ```
//!
//! # What is promised
//!
//! 1. **Each stored event is processed at least once,** whatever dies and whenever. A worker has an event for a lease, which it
//!    renews while the handler runs; if the worker dies, another takes the event once the lease has passed.
//! 2. **With a transaction, exactly once:** the event is marked as done in the transaction that has the handler's effects. A
//!    transaction that ended before its handler returned is no success.
//! 3. **A late worker changes nothing of the event.** Each attempt has a random token. A worker that was frozen for longer than
//!    the lease can neither mark the event as done, nor as failed, nor commit its transaction. What its handler does
//!    elsewhere, no token can keep it from.
//! 4. **A failure is retried** after a pause that doubles, with jitter. An error, a panic, and a handler that takes longer than
//!    [`Worker::timeout`] each count as a failed attempt, and so does the death of the worker. What is no fault of the handler
//!    does not: a claim that was lost on its way, a transaction that could not begin, a worker that stops.
//! 5. **An event that no attempt helps does not block the rest.** After [`Worker::max_attempts`] it is dead: it stays in the
//!    table with its last error, until an operator retries or forgets it.
//! 6. **An event that kills its process does not take others along.** Each death is an attempt of all that ran. Events whose
//!    worker died in their first attempt are taken up at once. One whose worker died in a later attempt is a suspect, and a
//!    worker has one suspect at a time: those that ran beside the one that kills do not run beside it again. With three
//!    attempts or fewer, the first death makes a suspect.
//! 7. **Machines' clocks do not matter with Postgres,** which measures leases and pauses by its own. With `SQLite` it is the
//!    clock of the one machine: while that is set back, what is due later waits for longer.
//! 8. **Order is promised only within a key,** if [`Inbox::order_by_key`](crate::Inbox::order_by_key) asks for it. A key whose
//!    first event fails or takes long keeps its own events waiting, however many, and no others. Without a transaction, a
//!    handler that outlives its lease may still run when the next event of its key begins.
//!
//! # When an event is processed twice, without a transaction
//!
//! - The worker dies between the effect and the record of it, or its handler is cut off by its timeout after the effect.
//! - A handler that blocks its thread cannot be cut off. It goes on beside the next attempt.
//! - The worker is frozen, or cannot reach the database, for longer than the lease.
//! - On Postgres, somebody else keeps its row locked for longer than the lease, which nobody can renew meanwhile.
//!
//! # How a worker learns of an event
//!
//! From the inbox in its own process at once; from other processes through `LISTEN` and `NOTIFY` of Postgres, with a connection
//! apart from the pool; and it looks for itself after each [`Worker::poll_interval`], which finds what is due again, what a
//! dead worker left, and what was announced while it could not listen. A proxy that shares connections between
//! transactions, such as `PgBouncer`, passes no announcement on: then the interval decides. Give the inbox and the worker of one
//! process clones of one [`Inbox`](crate::Inbox), and at least those need none.
//!
//! # Why not apalis
//!
//! [apalis](https://docs.rs/apalis) 1.0 has storages for both engines, with an idempotency key and retries. Its handlers get
//! a task, but not the transaction that acknowledges it: acknowledgements are collected and written later, so effects in
//! the same database cannot happen exactly once. Both storages fence an acknowledgement by the name of the worker rather
//! than by the attempt, retry at once rather than after a pause, and know no order by a key; the one for `SQLite` compares
//! times with the worker's clock. What would be left of apalis is the loop, so this crate has its own.
//!
//! # Metrics and traces
//!
//! With the feature `metrics`:
//!
//! | Metric | Kind | Labels |
//! | --- | --- | --- |
//! | `webhook_inbox_total` | counter of deliveries | `outcome`: the [code](crate::inbox::Receipt::code) |
//! | `webhook_inbox_attempts_total` | counter | `outcome`: `done`, `failed`, `dead`, `superseded` or `given-back` |
//! | `webhook_inbox_attempt_seconds` | histogram | |
//! | `webhook_inbox_delay_seconds` | histogram: from storing an event to the start of an attempt | |
//! | `webhook_inbox_events` | gauge | `state`: `pending`, `running` or `dead` |
//! | `webhook_inbox_oldest_seconds` | gauge: the age of the oldest event | `state`, the same |
//!
//! Each worker sets the gauges every 15 seconds.
//!
//! With the feature `tracing`, each attempt is a span `webhook_attempt` with the id, type and tenant of the event, under the names
//! that the span of the delivery has them: that links the two. To continue the delivery's trace itself, store its context:
//! [`Inbox::trace_context`](crate::Inbox::trace_context).

mod attempt;
mod backoff;
mod claim;
mod end;
mod failure;
mod leases;
mod run;
mod settings;
mod task;
mod transaction;
mod verdict;

pub use self::backoff::Backoff;
pub use self::failure::{BoxError, Failure};
pub use self::settings::{BoxFuture, Worker};
