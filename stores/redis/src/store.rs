//! The operations of a store as scripts that Redis runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{Cmd, FromRedisValue, Value};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tower_svix::idempotency::{
    BoxFuture, ClaimStatus, ClaimToken, EventKey, Fingerprint, Settlement, Store, StoreError,
};

/// A store of ids in Redis, or in a server with its protocol and scripts, such as Valkey.
///
/// Each operation is one script on one key. It is atomic, works on a cluster, and takes one round trip. Every key always has
/// an expiry.
///
/// # The connection
///
/// `C` is an asynchronous connection of the [`redis`] crate whose clones can run several commands at once, such as these:
///
/// - `redis::aio::ConnectionManager` reconnects by itself. Use it if in doubt.
/// - `redis::cluster_async::ClusterConnection` reconnects too, and is for a cluster.
/// - `redis::aio::MultiplexedConnection` does not reconnect: once it breaks, every delivery is answered with 503.
///
/// If Redis cannot be reached at start, `Client::get_connection_manager` tries seven times before it fails. This takes
/// some ten seconds, in which it prints and logs nothing. The second [example](#example) fails sooner.
///
/// Operations must run within a Tokio runtime, with its timer enabled.
///
/// # Configuration of Redis
///
/// - The `maxmemory-policy` must not evict these keys. `noeviction` is safe: a full Redis then leads to 503. An event that
///   Redis forgets is processed again.
/// - Redis forgets events that were completed just before it crashes or fails over, unless it writes every change to disk
///   (`appendfsync always`) and has no replica to fail over to, because replication is asynchronous. A duplicate is then
///   possible, but no event is lost.
/// - The clocks of the receivers do not matter, because only Redis measures time. The clocks of the Redis servers must agree to
///   well within the lease, because Redis tells its replicas the time at which a key expires, not the remaining time. If a
///   replica takes over whose clock is ahead, leases end sooner by the difference, and a running event may be processed a
///   second time. If its clock is behind, an event whose receiver died waits longer by the difference.
///
/// # On a cluster
///
/// The driver follows `MOVED` and `ASK` while slots move to another master, and claims move with their leases. If it sends
/// several commands of one slot at once, the `ASKING` before one of them may apply to another, and a command fails. A claim
/// that fails in this way is answered with 503. If a completion fails, the event is
/// [unsettled](tower_svix::idempotency::Outcome::Unsettled): it is processed again if it is delivered again after its lease.
///
/// When a master dies, its events are answered with 503 until a replica takes over, and by default those of the other
/// masters too (`cluster-require-full-coverage`). Events that the replica knows keep their state: completed or claimed. The
/// latest changes, which the replica has not received, are forgotten:
///
/// - a completion: the event is processed again if it is delivered again;
/// - a claim: a second delivery may process the event while the first one runs, which is then
///   [superseded](tower_svix::idempotency::Outcome::Superseded).
///
/// A master that was replaced while it was frozen or cut off accepts changes until it learns that it was replaced. These are
/// forgotten too.
///
/// When a master hangs and keeps its connections, the driver does not look for its successor: the events of that master are
/// answered with 503 until it ends or continues. [`examples/cluster.rs`] has a connection that asks another node and finds
/// the successor. It also sets a `response_timeout`, which the driver does not have by default: while the driver asks one node
/// after the other for the slots, commands to all nodes wait.
///
/// [`examples/cluster.rs`]: https://github.com/tower-svix/tower-svix/blob/main/stores/redis/examples/cluster.rs
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
/// use tower_svix::IdempotencyLayer;
/// use tower_svix_redis::RedisStore;
///
/// # async fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// let client = redis::Client::open("redis://127.0.0.1/")?;
/// let connection = client.get_connection_manager().await?;
/// let store = RedisStore::new(connection, "billing:webhooks:").timeout(Duration::from_secs(1));
/// let layer = IdempotencyLayer::new(store);
/// # Ok(())
/// # }
/// ```
///
/// If Redis cannot be reached at start, this fails after two attempts of at most one second each, and a short pause
/// between them. The configuration also applies to later reconnections, so the manager then makes two attempts each
/// time:
///
/// ```no_run
/// use std::time::Duration;
/// use redis::aio::ConnectionManagerConfig;
/// use tower_svix_redis::RedisStore;
///
/// # async fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// let config = ConnectionManagerConfig::new()
///     .set_connection_timeout(Some(Duration::from_secs(1)))
///     .set_number_of_retries(1);
/// let client = redis::Client::open("redis://127.0.0.1/")?;
/// let connection = client.get_connection_manager_with_config(config).await?;
/// let store = RedisStore::new(connection, "billing:webhooks:");
/// # Ok(())
/// # }
/// ```
#[doc(alias = "cache")]
#[doc(alias = "deduplication")]
#[doc(alias = "valkey")]
#[derive(Clone)]
#[must_use]
pub struct RedisStore<C> {
    connection: C,
    prefix: Arc<str>,
    timeout: Duration,
}

// The value of a key is `r` and the token of 16 bytes while the event is running, and `c`, the token and the fingerprint of
// 16 bytes once it is completed. Each script is sent in full, at most 430 bytes, and not by its hash. This always takes one
// round trip, even when Redis has just restarted or failed over and knows no script.

/// Returns `{0}` if claimed, `{1, fingerprint}` if completed, `{2, milliseconds left}` if in progress.
const CLAIM: &str = "\
local held = redis.call('GET', KEYS[1])
if not held then
  redis.call('SET', KEYS[1], 'r' .. ARGV[1], 'PX', ARGV[2])
  return {0}
end
if held == 'r' .. ARGV[1] then return {0} end
local state = string.sub(held, 1, 1)
if state == 'c' and #held == 33 then return {1, string.sub(held, 18)} end
if state == 'r' and #held == 17 then return {2, redis.call('PTTL', KEYS[1])} end
return redis.error_reply('this key is not one of ours')";

/// Returns 1 if it is completed now, 0 if it is another's.
const COMPLETE: &str = "\
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 2, 17) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], 'c' .. ARGV[1] .. ARGV[2], 'PX', ARGV[3])
return 1";

/// Returns 1 if it is free now, 0 if it is another's or completed.
const RELEASE: &str = "\
local held = redis.call('GET', KEYS[1])
if held and held ~= 'r' .. ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1";

/// Returns 1 if there was something to forget, 0 if not.
const FORGET: &str = "\
local held = redis.call('GET', KEYS[1])
if not held then return 0 end
local state = string.sub(held, 1, 1)
if (state == 'c' and #held == 33) or (state == 'r' and #held == 17) then
  return redis.call('DEL', KEYS[1])
end
return redis.error_reply('this key is not one of ours')";

impl<C> RedisStore<C> {
    /// Returns a store in the Redis of `connection`, with keys whose names begin with `prefix`.
    ///
    /// Each receiver needs its own prefix, which is the same in all its processes. Svix sends an event under one id to every
    /// endpoint, so if two receivers shared a prefix, an event that one has processed would be a duplicate for the other. Two
    /// prefixes never share a key, not even if one begins with the other.
    ///
    /// The event `msg_1` has the key `billing:webhooks::msg_1:17` under the prefix `billing:webhooks:`, which has 17 bytes,
    /// and `billing:webhooks:4:acme:msg_1:17` if it belongs to the tenant `acme`. A hash tag of a cluster, as in `{billing}:`, is
    /// left unchanged. The ids of a sender, or the keys that [`IdempotencyLayer::key`](tower_svix::IdempotencyLayer::key)
    /// makes, are readable in Redis.
    pub fn new(connection: C, prefix: impl Into<Arc<str>>) -> Self {
        Self {
            connection,
            prefix: prefix.into(),
            timeout: Duration::from_secs(2),
        }
    }

    /// Sets how long an operation may take before it counts as failed. Default: two seconds.
    ///
    /// The connection may have a shorter timeout.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl<C> RedisStore<C>
where
    C: ConnectionLike + Clone + Send + Sync,
{
    /// The key in Redis: the prefix, the key of the event, and the length of the prefix in bytes.
    ///
    /// No two pairs of a prefix and a key have the same name, because the length, after the last colon, tells where the prefix
    /// ends. It is not at the beginning, so that patterns can match the prefix.
    fn name(&self, key: &EventKey) -> String {
        format!("{}{}:{}", self.prefix, key.as_str(), self.prefix.len())
    }

    /// Runs `script` on `key`, with the arguments that `add` adds.
    async fn run<T: FromRedisValue>(
        &self,
        script: &str,
        key: &EventKey,
        add: impl FnOnce(&mut Cmd),
    ) -> Result<T, StoreError> {
        let mut command = Cmd::new();
        command.arg("EVAL").arg(script).arg(1).arg(self.name(key));
        add(&mut command);
        let mut connection = self.connection.clone();
        timeout(self.timeout, command.query_async(&mut connection))
            .await
            .map_err(|_| StoreError::new("Redis did not answer in time"))?
            .map_err(StoreError::new)
    }
}

impl<C> Store for RedisStore<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    async fn claim(
        &self,
        key: &EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<ClaimStatus, StoreError> {
        let add = |command: &mut Cmd| {
            command.arg(token.as_bytes()).arg(milliseconds(lease));
        };
        let reply: Vec<Value> = self.run(CLAIM, key, add).await?;
        claim_status(&reply).ok_or_else(|| StoreError::new("Redis gave an unknown answer"))
    }

    async fn complete(
        &self,
        key: &EventKey,
        token: ClaimToken,
        fingerprint: Fingerprint,
        retention: Duration,
    ) -> Result<Settlement, StoreError> {
        let add = |command: &mut Cmd| {
            command
                .arg(token.as_bytes())
                .arg(fingerprint.as_bytes())
                .arg(milliseconds(retention));
        };
        let done = self.run(COMPLETE, key, add).await?;
        Ok(settlement(done))
    }

    async fn release(&self, key: &EventKey, token: ClaimToken) -> Result<Settlement, StoreError> {
        let add = |command: &mut Cmd| {
            command.arg(token.as_bytes());
        };
        let done = self.run(RELEASE, key, add).await?;
        Ok(settlement(done))
    }

    async fn forget(&self, key: &EventKey) -> Result<bool, StoreError> {
        self.run(FORGET, key, |_| {}).await
    }

    /// Spawns a task, which ends within the [timeout](RedisStore::timeout) of each operation in it.
    ///
    /// Outside a runtime, as when the runtime itself ends, the claim is left to its lease.
    fn spawn(&self, work: BoxFuture<()>) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(work);
        }
    }
}

impl<C> fmt::Debug for RedisStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Parses the answer to a claim. `None` if it is not one that the script returns.
fn claim_status(reply: &[Value]) -> Option<ClaimStatus> {
    match reply {
        [Value::Int(0)] => Some(ClaimStatus::Claimed),
        [Value::Int(1), Value::BulkString(fingerprint)] => Some(ClaimStatus::Completed {
            fingerprint: Fingerprint::from_bytes(fingerprint.as_slice().try_into().ok()?),
        }),
        [Value::Int(2), Value::Int(left)] => Some(ClaimStatus::InProgress {
            expires_in: Duration::from_millis((*left).try_into().unwrap_or(0)),
        }),
        _ => None,
    }
}

fn settlement(done: bool) -> Settlement {
    if done {
        Settlement::Done
    } else {
        Settlement::Superseded
    }
}

/// Returns an expiry that Redis accepts: at least one millisecond, and at most 100 years, far below its overflow.
fn milliseconds(duration: Duration) -> u64 {
    const MAX: u64 = 100 * 365 * 24 * 60 * 60 * 1000;
    u64::try_from(duration.as_millis())
        .unwrap_or(MAX)
        .clamp(1, MAX)
}
