//! Middleware that lets the inner service process each verified event once.
//!
//! Senders deliver at least once: they retry after a response that got lost, after a timeout that the handler did not
//! notice, and when somebody presses "resend". A captured delivery can also be replayed until its timestamp expires.
//! Most senders give all these deliveries of an event the same signed id. For each delivery:
//!
//! 1. The middleware [claims](Store::claim) the event's [key](EventKey), by default its tenant and its id, in a
//!    [`Store`].
//! 2. If the event is free, the inner service is called. A 2xx response completes the event, which is then remembered
//!    for the [retention], 96 hours by default. Anything else releases it, so that the sender's next attempt is
//!    processed.
//! 3. If the event is completed, the inner service is not called. The sender gets a 200, or a 503 if the payload is
//!    another one.
//! 4. If another delivery holds the claim, or the store fails, the inner service is not called, and the sender gets a
//!    503 with `Retry-After`.
//! 5. A claim that is neither completed nor released ends with its [lease], after 60 seconds by default.
//!
//! # Example
//!
//! The layer goes inside [`SvixVerifyLayer`], which provides the verified event:
//!
//! ```
//! use std::convert::Infallible;
//! use std::time::Duration;
//!
//! use http::{Request, Response};
//! use tower::ServiceBuilder;
//! use tower_svix::{IdempotencyLayer, Secret, SvixVerifyLayer, VerifiedBody};
//!
//! /// Runs once for each event.
//! async fn process(request: Request<VerifiedBody>) -> Result<Response<String>, Infallible> {
//!     Ok(Response::default())
//! }
//!
//! # #[cfg(feature = "idempotency-memory")]
//! # fn example(secret: Secret) {
//! use tower_svix::idempotency::MemoryStore;
//!
//! let service = ServiceBuilder::new()
//!     .layer(SvixVerifyLayer::new(secret))
//!     .layer(IdempotencyLayer::new(MemoryStore::new()).lease(Duration::from_secs(30)))
//!     .service_fn(process);
//! # }
//! ```
//!
//! # States of an event
//!
//! ```text
//!              claim                      2xx: complete
//!  free ────────────────────▶ claimed ────────────────────▶ completed
//!   ▲ ▲                          │                              │
//!   │ └─ any other end: release ─┤                              │
//!   │ └─ lease passes (60 s) ────┘                              │
//!   └────────────────── retention passes (96 h) ────────────────┘
//! ```
//!
//! | Delivery | Answer | `code` | Inner service |
//! | --- | --- | --- | --- |
//! | of a free event | the inner service's | | called |
//! | of a completed event | 200 with `idempotency-replayed: true`, and a text that says so | | not called |
//! | of a completed event, with another payload | 503 with `Retry-After` | `payload-differs` | not called |
//! | of a claimed event | 503 with `Retry-After`: the rest of the lease, at most a minute | `event-in-progress` | not called |
//! | while the store fails | 503 with `Retry-After` | `store-unavailable` | not called |
//! | without a [`VerifiedEvent`](crate::VerifiedEvent) | 500: the layer is in the wrong place | `event-missing` | not called |
//! | that an outer layer has claimed in the same store | 500: there is one layer too many | `layers-share-store` | not called |
//!
//! An answer that is not final is a 503 and never a 4xx, because many senders give an event up after a 4xx. The body of
//! a 503 or 500 has the type `application/problem+json`, like that of a [rejection](crate::verify#rejections). Every
//! response has its [`Outcome`] in its extensions.
//!
//! A gRPC call is answered in the form that gRPC requires: HTTP 200, `content-type: application/grpc`, and the code and
//! the sentence in `grpc-message`. The `grpc-status` is `UNAVAILABLE` instead of 503, and `INTERNAL` instead of 500. For a
//! duplicate it is `ALREADY_EXISTS`, because a call that succeeds would need a message.
//!
//! # Guarantees
//!
//! 1. **A processed event is not processed again** while it is remembered, however many deliveries of it arrive at
//!    once: they compete for one atomic operation of the store. The exceptions are [listed
//!    below](#when-an-event-is-processed-twice).
//! 2. **No event is lost.** No delivery is acknowledged with a 2xx before the inner service has processed the event.
//!    This is also true for a duplicate of an event that is still being processed, and for any delivery while the store
//!    fails. The response of the inner service is passed on only after the store has recorded it, or has failed
//!    to ([`Outcome::Unsettled`]). A handler gives this guarantee up if it answers with a 2xx before its work is safe,
//!    for example because it keeps a queue in memory.
//! 3. **A failure is retried.** An event that is not processed is released before the sender is answered, so that the
//!    next attempt is processed. If the request is dropped, because the sender hung up or the handler panicked, the
//!    claim is released in the background. If the process dies, the lease passes.
//! 4. **A late completion changes nothing.** If the inner service takes longer than the lease, another delivery may
//!    have claimed the event. The late delivery can then neither complete nor release that claim, because each claim
//!    has a random token.
//! 5. **Tenants are separate** if their keyrings name them: the [key](EventKey) of an event contains the
//!    [tenant](crate::Keyring::tenant) whose keyring verified it. Without names, anyone who has one of the keys can use
//!    up the ids of the other tenants. The key of an event does not contain which key signed it, so that a retry after
//!    a rotation is still a duplicate. It does not contain the path or the method either.
//! 6. **Two events with the same key are noticed.** A completed event is remembered with the
//!    [fingerprint](Fingerprint) of its payload. A delivery with the same key and another payload is answered with 503
//!    and reported ([`Outcome::PayloadDiffers`]). The sender then keeps it until the operator sets a
//!    [`key`](crate::IdempotencyLayer::key) that distinguishes the two events, or declares that [any
//!    payload](crate::IdempotencyLayer::any_payload) is a duplicate.
//!
//! If receivers share ids, the first one to process an event suppresses it for the others. Svix sends a message under
//! one id to every endpoint that subscribes to it. Keep the ids of each receiver separate: use a layer for each
//! handler, and for each layer a store or, in Redis, a prefix.
//!
//! # When an event is processed twice
//!
//! A side effect and a record in another system cannot be committed atomically. These cases remain, and each is
//! preferred to the loss of the event:
//!
//! - The process dies between the effect and its record: the event is processed again after the lease.
//! - After the effect, the inner service panics or does not answer with a 2xx, or the request is dropped, because the
//!   sender hangs up or an outer timeout ends it. The event is released, and the next attempt is processed. An attacker
//!   who has captured a delivery can hang up any number of times within the tolerance. A handler should therefore do
//!   one thing, such as put the event in a durable queue, and leave the work to the consumer of that queue.
//! - The inner service takes longer than the lease, and another delivery arrives: [`Outcome::Superseded`].
//! - The store fails to complete the event: the response is passed on, and a delivery after the lease is processed
//!   again: [`Outcome::Unsettled`].
//! - The store forgets the event: each of the [stores](#stores) documents when it does.
//! - [`Store::forget`] was called.
//! - [`fail_open`](crate::IdempotencyLayer::fail_open) is set, and the store failed: [`Outcome::Unprotected`].
//!
//! With the feature `tracing`, the middleware logs the cases that it notices at ERROR: a lease that was too short, a
//! payload that differs, and each failure of the store. [`MemoryStore::evicted`] counts the events that the memory
//! store forgot early.
//!
//! If the effect is a change in a database, the inbox of the crate `tower-svix-sqlx` has none of these exceptions, and
//! replaces this middleware: it marks an event as done in the transaction that has its effect. The example
//! `exactly_once` uses it. Prefer the inbox whenever one transaction covers everything that the handler does. Prefer
//! this middleware for effects elsewhere, such as an email or a call of another service, for effects in several places,
//! for handlers that you cannot change, or to keep duplicates away from the database. You can also use both together.
//!
//! # Process an event again by hand
//!
//! 1. If the process died during the delivery, wait until the lease has passed. A "resend" before that is answered with
//!    503. No schedule follows a manual attempt, and a Svix server has been seen to give up the planned attempts after
//!    a manual one that failed.
//! 2. If the event was processed, but its effect is lost, call [`Store::forget`] with its key.
//! 3. Press "resend" in the sender's portal.
//!
//! # Stores
//!
//! - [`MemoryStore`] (feature `idempotency-memory`): one process, bounded memory, forgets on restart.
//! - `RedisStore`, in the crate [`tower-svix-redis`](https://docs.rs/tower-svix-redis): any number of processes.
//! - `SqlStore`, in the crate [`tower-svix-sqlx`](https://docs.rs/tower-svix-sqlx): any number of processes in
//!   Postgres, or on one machine in SQLite.
//! - Your own implementation of [`Store`]: [`conformance::check`](crate::test_util::conformance::check) tests it.
//!
//! # What a request costs
//!
//! In addition to the handler, an event costs two operations of the store, the claim and its completion or release, and
//! one hash of its payload, which takes as long as one HMAC of it. A duplicate costs one operation and one hash. A long
//! payload is hashed over several polls, at most 128 KiB in each, so that other tasks run between them.
//!
//! With [`any_payload`](crate::IdempotencyLayer::any_payload), a duplicate is not hashed. An event that is processed
//! still is, because the option may be turned off later, and the fingerprint is then compared.
//!
//! # Placement
//!
//! - Inside [`SvixVerifyLayer`], so that a delivery that is not verified never reaches the store.
//! - Outside the handler's timeout, which should be shorter than the lease. A timeout outside this layer also works,
//!   because it drops the request, but the handler may then be stopped half-way.
//! - Inside concurrency limits and buffers, so that an event waits for them before it is claimed. An event that is
//!   claimed first and waits afterwards uses up its lease. A duplicate occupies a permit no longer than its claim
//!   takes.
//! - Outside a layer that catches panics, if they should be answered with a 500. Otherwise the connection closes.
//!
//! # Metrics
//!
//! With the feature `metrics`:
//!
//! | Metric | Kind | Labels |
//! | --- | --- | --- |
//! | `webhook_idempotency_total` | counter of responses | `outcome`: the [code](Outcome::code) |
//! | `webhook_store_errors_total` | counter | `operation`: `claim`, `complete` or `release` |
//!
//! # Cancel safety
//!
//! A response future that is never polled claims nothing. Dropping it before the inner service has answered drops the
//! inner service's future, and releases the claim in the background. Dropping it after the inner service has answered
//! completes or releases the claim in the background.
//!
//! The background work goes to [`Store::spawn`]: the memory store does it at once, and the Redis store in a task of the
//! surrounding Tokio runtime, which ends within two of its timeouts. A claim that the store has not answered yet is
//! awaited, and then released.
//!
//! [lease]: crate::IdempotencyLayer::lease
//! [retention]: crate::IdempotencyLayer::retention
//! [`SvixVerifyLayer`]: crate::SvixVerifyLayer

mod claim;
mod config;
mod erased;
mod fingerprint;
mod future;
mod key;
pub(crate) mod layer;
#[cfg(feature = "idempotency-memory")]
mod memory;
mod nested;
mod outcome;
mod report;
mod service;
mod state;
mod store;

pub use self::fingerprint::Fingerprint;
pub use self::future::ResponseFuture;
pub use self::key::{ClaimToken, EventKey};
#[cfg(feature = "idempotency-memory")]
#[cfg_attr(docsrs, doc(cfg(feature = "idempotency-memory")))]
pub use self::memory::MemoryStore;
pub use self::outcome::Outcome;
pub use self::service::Idempotency;
pub use self::store::{BoxFuture, ClaimStatus, Settlement, Store, StoreError};
#[cfg(feature = "idempotency-memory")]
#[cfg_attr(docsrs, doc(cfg(feature = "idempotency-memory")))]
pub use crate::clock::MonotonicClock;
