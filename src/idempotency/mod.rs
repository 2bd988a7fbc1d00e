//! Let the inner service see each verified event once.
//!
//! Senders deliver at least once: they retry after a response that got lost, after a timeout that the handler did not
//! notice, and when somebody presses "resend". And whoever captured a delivery can send it again within the tolerance of
//! its timestamp. Most senders give all of these the same signed id. This middleware claims the event's [key](EventKey), by
//! default the tenant and the id, in a [`Store`] before the inner service sees the event, and remembers it once the event
//! is processed.
//!
//! # Example
//!
//! The layer goes inside [`SvixVerifyLayer`](crate::SvixVerifyLayer), which tells it the id:
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
//! | of a claimed event | 503 with `Retry-After`: when the lease passes, a minute at most | `event-in-progress` | not called |
//! | while the store fails | 503 with `Retry-After` | `store-unavailable` | not called |
//! | without a `VerifiedEvent` | 500: the layer is in the wrong place | `event-missing` | not called |
//! | that another layer outside holds in the same store | 500: there is one layer too many | `layers-share-store` | not called |
//!
//! What is not final is answered with 503 and never with a 4xx, after which many senders give an event up. The body of
//! such a response has the type `application/problem+json`, as [rejections](crate::verify#rejections) have. Every response
//! has its [`Outcome`] in its extensions.
//!
//! A gRPC call is answered as gRPC asks: with HTTP 200, `content-type: application/grpc`, and the code and the sentence in
//! `grpc-message`. The `grpc-status` is `ALREADY_EXISTS` for a duplicate, since a call that succeeds must have a message,
//! `UNAVAILABLE` instead of 503, and `INTERNAL` instead of 500.
//!
//! # What is promised
//!
//! 1. **An event that is processed is not processed again** while it is remembered, however many deliveries of it arrive
//!    at once: they race on one atomic operation of the store. The exceptions are named below.
//! 2. **No event is lost.** None is acknowledged with a 2xx before the inner service processed it: neither a duplicate of
//!    one that is still running, nor any while the store cannot tell. The response of the inner service is passed on only
//!    after the store was told of it, or failed to be ([`Outcome::Unsettled`]). A handler that answers with a 2xx before
//!    its work is safe, such as one that keeps a queue in memory, gives this up.
//! 3. **A failure is retried.** Whatever is not processed is released before the sender is answered, so that its next
//!    attempt is processed. If the request is dropped, because the sender hung up or the handler panicked, the claim is
//!    released in the background; if the process dies, the lease passes.
//! 4. **Whoever comes late changes nothing.** An inner service that takes longer than the lease may find the event claimed
//!    by another delivery. It can then neither complete nor release that claim: each claim has a random token.
//! 5. **Tenants are apart,** if their keyrings name them: the [key](EventKey) of an event holds the
//!    [tenant](crate::Keyring::tenant) whose keyring verified it. Without that, whoever holds one of the keys can use
//!    up the ids of the others. It does not hold which key did, so that a retry after a rotation is still a duplicate. Nor
//!    does it hold the path or the method.
//! 6. **An event that shares a key is not swallowed.** A completed event is remembered with the
//!    [fingerprint](Fingerprint) of its payload. A delivery with the same key and another payload is answered with 503 and
//!    reported ([`Outcome::PayloadDiffers`]), so that the sender keeps it until the operator has set a
//!    [`key`](crate::IdempotencyLayer::key) that tells the two apart, or said that
//!    [any payload](crate::IdempotencyLayer::any_payload) is a duplicate.
//!
//! If receivers share ids, the first one to process an event suppresses it for the others. Svix sends a message under
//! one id to every endpoint that subscribes to it. Give each receiver ids of its own: a layer for each handler, and a
//! store or, in Redis, a prefix for each layer.
//!
//! # When an event is processed twice
//!
//! A side effect and a record in another system cannot be committed atomically. These remain, and each is preferred
//! to losing the event:
//!
//! - The process dies between the effect and the record of it: the event is processed again after the lease.
//! - After the effect, the inner service panics or answers with something else than a 2xx, or its request is dropped, as
//!   when the sender hangs up or a timeout outside ends it: the event is released, and the next attempt is processed.
//!   Whoever captured a delivery can hang up as often as they like within the tolerance. So a handler had better do one
//!   thing, such as to put the event in a durable queue, and leave the work to whoever takes it from there.
//! - The inner service takes longer than the lease, and another delivery arrives: [`Outcome::Superseded`].
//! - The store fails when the event is to be completed: the response stands, and the event is processed again if it is
//!   delivered again after the lease: [`Outcome::Unsettled`].
//! - The store forgets: see each of the [stores](#stores) for when it does.
//! - [`Store::forget`] was called.
//! - [`fail_open`](crate::IdempotencyLayer::fail_open) is on, and the store failed: [`Outcome::Unprotected`].
//!
//! With the `tracing` feature, what the middleware notices of these is an event of the level `ERROR`: a lease that was
//! outlived, a payload that differs, and each failure of the store. What `MemoryStore` forgets early, it counts.
//!
//! If the effect is a change in a database, there is a way without exceptions, and this middleware is not needed: the
//! inbox of the crate `tower-svix-sqlx` marks an event as done in the transaction that has its effect, and the example
//! `exactly_once` uses it. Prefer it whenever one transaction holds all that the handler does. Prefer this middleware if
//! the effect is elsewhere, as a mail or a call of another service is, or in several places; if the database should not be
//! asked about duplicates; or in front of handlers that you cannot change. The two also go together.
//!
//! # To process an event again by hand
//!
//! 1. If its delivery died half-way, wait until the lease has passed. A "resend" before that is answered with 503, no
//!    schedule follows a manual attempt, and a Svix server has been seen to give up the planned attempts after a manual one
//!    that failed.
//! 2. If it was processed, but its effect is lost, call [`Store::forget`] with its key.
//! 3. Press "resend" in the sender's portal.
//!
//! # Stores
//!
//! - `MemoryStore` (feature `idempotency-memory`): one process, bounded memory, forgets on restart.
//! - `RedisStore`, in the crate `tower-svix-redis`: any number of processes.
//! - `SqlStore`, in the crate `tower-svix-sqlx`: the same in Postgres, or in SQLite on one machine.
//! - Your own: an implementation of [`Store`], which the [suite](Store#contract) in `test_util::conformance` can be run
//!   against.
//!
//! # What a request costs
//!
//! Beside the handler, an event costs two operations of the store, the claim and the completion or release, and one hash
//! of its payload, which takes as long as one HMAC of it. A duplicate costs one operation and one hash. A long payload is
//! hashed over several polls, at most 128 KiB in each, so that other tasks run between them.
//!
//! With [`any_payload`](crate::IdempotencyLayer::any_payload), a duplicate is not hashed. An event that is processed still
//! is: the option may be turned off later, and the fingerprint is then compared.
//!
//! # Placement
//!
//! - Inside [`SvixVerifyLayer`](crate::SvixVerifyLayer). What is not verified never reaches the store.
//! - Outside the handler's timeout, which should be shorter than the lease. A timeout outside this layer works too, as
//!   it drops the request, but then the handler may be stopped half-way.
//! - Inside limits on concurrency and buffers. An event that is claimed and then waits for room uses up its lease; there,
//!   it waits before it is claimed, and a duplicate takes up room for no longer than its claim.
//! - Outside a layer that catches panics, if they should be answered with a 500; otherwise the connection closes.
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
//! A response future that is never polled claims nothing. Dropping it before the inner service answered drops the inner service's future, and releases the claim.
//! After it answered, it is completed or released in the background. In both cases the work is handed to
//! [`Store::spawn`]: the memory store does it at once, the Redis store in a task of the surrounding Tokio runtime. It ends
//! within two of its timeouts: a claim that is not answered yet is awaited, and then released.

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
