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

/// Remembers events in Redis, or in anything that speaks its protocol and runs its scripts, such as Valkey.
///
/// Each operation is one script on one key, so it is atomic, works on a cluster, and takes one round trip. No key is
/// without an expiry at any time.
///
/// # The connection
///
/// `C` is any asynchronous connection of the [`redis`] crate. It must be able to run several commands at once from its
/// clones, as these can:
///
/// - `redis::aio::ConnectionManager` connects again by itself when the connection broke. Use it if in doubt.
/// - `redis::cluster_async::ClusterConnection` does too, and is for a cluster.
/// - `redis::aio::MultiplexedConnection` does not: once it broke, every delivery is answered with 503.
///
/// Operations must run within a Tokio runtime, with its timer enabled.
///
/// # What Redis must be set up for
///
/// - The `maxmemory-policy` must not evict these keys: `noeviction` is safe, as a full Redis then leads to 503. An event
///   that Redis forgets is processed again.
/// - An event that was completed within the last moment before Redis crashes or fails over is forgotten, unless Redis
///   writes every change to disk (`appendfsync always`) and has no replica to fail over to: replication is asynchronous.
///   A duplicate is then possible, but no event is lost.
/// - The clocks of the receivers do not matter: Redis alone measures time. The clocks of its servers have to agree to
///   well within the lease, since Redis tells its replicas when a key expires, and not in how long. If a replica takes over
///   whose clock is ahead, a lease ends that much sooner, and the event may be processed a second time meanwhile. If it is
///   behind, an event whose receiver died waits that much longer.
///
/// # On a cluster
///
/// The driver follows `MOVED` and `ASK` while slots move to another master, and claims move with their leases. It may lose its
/// way if it sends several commands of a slot at once: the `ASKING` that it sends before one of them may serve another.
/// A claim that fails so is answered with 503. If a completion does, the event is
/// [unsettled](tower_svix::idempotency::Outcome::Unsettled), and processed again if it is delivered again after its lease.
///
/// When a master dies, its events are answered with 503 until a replica takes over, and by default those of the other
/// masters too (`cluster-require-full-coverage`). What the replica has, it has not forgotten: a completed event stays
/// completed, and a running one stays claimed. What it was not told yet is forgotten:
///
/// - a completion: the event is processed again if it is delivered again;
/// - a claim: the event may be processed by a second delivery while the first one runs, which is then
///   [superseded](tower_svix::idempotency::Outcome::Superseded).
///
/// The same goes for what a master does that was replaced while it was frozen or cut off, until it learns of that.
///
/// When a master hangs and keeps its connections, the driver does not look for its successor: the events of that master
/// are answered with 503 until it ends or goes on. [`examples/cluster.rs`] has a connection that asks another node, and
/// finds it. It also sets a `response_timeout`, which the driver has not by default: when it looks where the slots are, it
/// asks one node after the other, and commands to the others wait meanwhile.
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
#[derive(Clone)]
#[must_use]
pub struct RedisStore<C> {
    connection: C,
    prefix: Arc<str>,
    timeout: Duration,
}

// The value of a key is `r` and the token of 16 bytes while the event is running, and `c`, the token and the fingerprint of
// 16 bytes once it is completed. Each script is sent whole, at most 430 bytes, rather than by its hash: that is one round
// trip always, even when Redis has just restarted or failed over and knows no script.

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
    /// Remembers events where `connection` leads to, under keys whose names begin with `prefix`.
    ///
    /// The prefix must be of this receiver alone, and the same in all its processes. Receivers that share a Redis and a
    /// prefix share their ids, and Svix sends a message under one id to every endpoint: what one of them processed, the
    /// other would not. No two prefixes make one key, not even if one begins with the other.
    ///
    /// The event `msg_1` has the key `billing:webhooks::msg_1:17` under the prefix `billing:webhooks:`, which has 17 bytes,
    /// and `billing:webhooks:4:acme:msg_1:17` if it is of the tenant `acme`. A hash tag of a cluster, as in `{billing}:`,
    /// stays what it is. So the ids of a sender, or what [`IdempotencyLayer::key`](tower_svix::IdempotencyLayer::key) makes
    /// of them, can be read in Redis.
    pub fn new(connection: C, prefix: impl Into<Arc<str>>) -> Self {
        Self {
            connection,
            prefix: prefix.into(),
            timeout: Duration::from_secs(2),
        }
    }

    /// Sets how long an operation may take before it counts as failed. Default: two seconds.
    ///
    /// The connection may have a shorter bound of its own.
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
    /// No two pairs of a prefix and a key have the same name. Read from its end, the length goes up to the last colon, and
    /// tells where the prefix ends. At the beginning, it would hide the prefix from patterns.
    fn name(&self, key: &EventKey) -> String {
        format!("{}{}:{}", self.prefix, key.as_str(), self.prefix.len())
    }

    /// Runs `script` on `key`, with arguments that `add` adds.
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

/// What the answer to a claim means, if it has one of the forms that the script returns.
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

/// What Redis takes as an expiry: at least one millisecond, and at most 100 years, far from where it overflows.
fn milliseconds(duration: Duration) -> u64 {
    const MAX: u64 = 100 * 365 * 24 * 60 * 60 * 1000;
    u64::try_from(duration.as_millis())
        .unwrap_or(MAX)
        .clamp(1, MAX)
}
