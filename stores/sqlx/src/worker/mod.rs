//! Process the events of an [`Inbox`](crate::Inbox) in the background.
//!
//! Any number of workers, on any number of machines, can share an inbox in Postgres. Each claims only events that no other has
//! (`FOR UPDATE SKIP LOCKED`). Workers on `SQLite` share a file, so they are on one machine.
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
//! # Guarantees
//!
//! 1. **Each stored event is processed at least once,** whichever process dies, at any time. A worker has an event for a lease,
//!    which it renews while the handler runs. If the worker dies, another takes the event once the lease has ended.
//! 2. **With a transaction, exactly once:** the transaction of the handler's effects also marks the event as done. If the
//!    transaction ends before its handler returns, the attempt has failed.
//! 3. **A late worker cannot change the event.** Each attempt has a random token. A worker that was frozen for longer than the
//!    lease can neither mark the event as done or failed, nor commit its transaction. A token cannot prevent effects of its
//!    handler elsewhere.
//! 4. **A failure is retried** after a pause that doubles, with jitter. An error, a panic, and a handler that takes longer than
//!    [`Worker::timeout`] each count as a failed attempt, and so does the death of the worker. Faults outside the handler do
//!    not count: a claim whose result was lost, a transaction that could not begin, a worker that stops.
//! 5. **An event that always fails does not block the others.** After [`Worker::max_attempts`] it is dead: it stays in the
//!    table with its last error until an operator retries or forgets it.
//! 6. **An event that kills its process does not make others fail for good.** A death counts as an attempt of every event that
//!    ran. Events whose worker died in their first attempt are taken up at once. An event whose worker died in a later attempt
//!    is a suspect, and a worker runs one suspect at a time, so that events that ran beside the fatal one do not run beside
//!    it again. With three attempts or fewer, an event is a suspect after the first death.
//! 7. **With Postgres, the machines' clocks do not matter,** because Postgres measures leases and pauses by its own clock. With
//!    `SQLite`, the clock of its machine counts: if it is set back, later events wait longer.
//! 8. **Order is promised only within a key,** if [`Inbox::order_by_key`](crate::Inbox::order_by_key) asks for it. If the first
//!    event of a key fails or takes long, only the events of that key wait. Without a transaction, a handler that outlives its
//!    lease may still run when the next event of its key begins.
//!
//! # When an event is processed twice, without a transaction
//!
//! - The worker dies between the effect and the record of it, or the timeout stops its handler after the effect.
//! - A handler blocks its thread. It cannot be stopped, and continues beside the next attempt.
//! - The worker is frozen, or cannot reach the database, for longer than the lease.
//! - On Postgres, another session keeps the row locked for longer than the lease, so that the lease cannot be renewed.
//!
//! # How a worker learns of an event
//!
//! - The inbox in its own process tells it at once. For this, give the inbox service and the worker clones of one
//!   [`Inbox`](crate::Inbox).
//! - Other processes tell it through `LISTEN` and `NOTIFY` of Postgres, with a connection outside the pool. A proxy that shares
//!   connections between transactions, such as `PgBouncer`, does not pass these on.
//! - It looks into the table after each [`Worker::poll_interval`]. This finds events that are due again, those that a dead
//!   worker left, and those that were announced while it could not listen.
//!
//! # Why not apalis
//!
//! [apalis](https://docs.rs/apalis) 1.0 has storages for both engines, with an idempotency key and retries. Its handlers get
//! a task, but not the transaction that acknowledges it: acknowledgements are collected and written later, so that effects in
//! the same database cannot happen exactly once. Both storages fence an acknowledgement by the name of the worker and not by
//! the attempt, retry without a pause, and have no order by key. The one for `SQLite` compares times with the worker's clock.
//! Only the loop of apalis would remain, so this crate has its own.
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
//! With the feature `tracing`, each attempt is a span `webhook_attempt` with the id, type and tenant of the event, in fields with
//! the same names as those of the delivery's span, which links the two. To continue the trace of the delivery, store its
//! context with [`Inbox::trace_context`](crate::Inbox::trace_context).

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
