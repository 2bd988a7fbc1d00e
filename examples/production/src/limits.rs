//! Limits on memory, connections and time.
//!
//! The server must buffer a body before it can verify it. With HTTP/1.1, a connection has one request at a time, so
//! forged uploads can take at most [`MAX_CONNECTIONS`] times [`BODY_LIMIT`] of memory, which is half a GiB.
//! [`MEMORY_LIMIT`] lowers that to a quarter. If you add HTTP/2, set its `max_concurrent_streams`: the default of hyper
//! is 200 for each connection.

use std::time::Duration;

/// The maximum number of open connections.
pub(crate) const MAX_CONNECTIONS: usize = 512;
/// The maximum size of the head of a request, in bytes.
pub(crate) const HEAD_LIMIT: usize = 64 * 1024;
/// The maximum size of the body of a delivery, in bytes.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;
/// The maximum size of all bodies together that are not verified yet, in bytes. Genuine deliveries need far less: they
/// are small, and verified within milliseconds. While forged uploads take all of it, genuine deliveries are rejected
/// and must be retried. With a lower limit, fewer forged uploads are enough for that.
pub(crate) const MEMORY_LIMIT: usize = 128 * 1024 * 1024;
/// The timeout for the head of a request, and for a connection without a request.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The timeout for the rest of a request, including the body. Svix gives up after 15 seconds.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The timeout for a client that does not read its response.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long running requests may continue after the server was told to stop.
pub(crate) const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// The number of events that are listed. Older events are forgotten.
pub(crate) const MAX_EVENTS: usize = 10_000;
