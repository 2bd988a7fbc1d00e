//! How much a peer may take, and for how long.
//!
//! Each request may hold a body before it is known to be forged. The server speaks HTTP/1.1, with one request at a time on a
//! connection, so that [`MAX_CONNECTIONS`] times [`BODY_LIMIT`] would bound the memory that forged uploads can take: half a
//! GiB. [`MEMORY_LIMIT`] does so at a quarter of it. If you add HTTP/2, set its `max_concurrent_streams`, which is 200 for
//! each connection with hyper.

use std::time::Duration;

/// How many connections are open at once.
pub(crate) const MAX_CONNECTIONS: usize = 512;
/// How many bytes the head of a request may have.
pub(crate) const HEAD_LIMIT: usize = 64 * 1024;
/// How many bytes the body of a delivery may have.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;
/// How many bytes all bodies may have together that are not verified yet. Genuine deliveries are far from it: they are
/// small, and verified within milliseconds. While forged uploads take all of it, they have to be sent again: a lower limit
/// takes fewer of these.
pub(crate) const MEMORY_LIMIT: usize = 128 * 1024 * 1024;
/// How long the head of a request may take, and a connection without a request may stay open.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request may take from then on, body included. Svix gives up after 15 seconds.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may let its response wait.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the requests at hand may take when the server is told to stop.
pub(crate) const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// How many events are remembered: the latest.
pub(crate) const MAX_EVENTS: usize = 10_000;
