//! What an id costs in Redis: time of the receiver, time of Redis, and memory.

#[allow(dead_code, reason = "a measurement uses its part")]
#[path = "../../../tests/src/redis_server.rs"]
mod redis_server;

use std::fs;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use redis::aio::ConnectionManager;
use tower_svix::idempotency::{
    Claim, ClaimToken, EventKey, RedisStore, Settlement, Store, StoreError,
};

use self::redis_server::RedisServer;
use crate::cpu_nanos;

/// Redis doubles its tables at powers of two. This is half-way: the memory of an id is what it is on average.
const IDS: usize = 3 << 18;
const AT_ONCE: usize = 64;
const LEASE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(48 * 60 * 60);

pub(crate) struct Costs {
    /// Of a claim and a completion together.
    pub(crate) client_nanos: u64,
    /// Of one of them.
    pub(crate) server_nanos: u64,
    pub(crate) bytes_per_id: usize,
}

pub(crate) fn measure() -> Costs {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = RedisServer::start();
    runtime.block_on(async {
        let mut connection = server.connect().await;
        let store = RedisStore::new(connection.clone(), "webhook:");
        let process: usize = info(&mut connection, "process_id").await;
        let schedstat = format!("/proc/{process}/schedstat");

        let memory: usize = info(&mut connection, "used_memory").await;
        let (client, server) = (cpu_nanos(), nanos_in(&schedstat));
        stream::iter(0..IDS)
            .map(Ok)
            .try_for_each_concurrent(AT_ONCE, |index| process_event(&store, index))
            .await
            .unwrap();
        let (client, server) = (cpu_nanos() - client, nanos_in(&schedstat) - server);
        let memory = info(&mut connection, "used_memory").await - memory;
        Costs {
            client_nanos: client / IDS as u64,
            server_nanos: server / (2 * IDS) as u64,
            bytes_per_id: memory / IDS,
        }
    })
}

async fn process_event(store: &impl Store, index: usize) -> Result<(), StoreError> {
    let key = EventKey::new(None, &format!("msg_{index:027}"));
    let token = ClaimToken::random()?;
    assert_eq!(store.claim(&key, token, LEASE).await?, Claim::Claimed);
    let settled = store.complete(&key, token, RETENTION).await?;
    assert_eq!(settled, Settlement::Done);
    Ok(())
}

async fn info(connection: &mut ConnectionManager, field: &str) -> usize {
    let info: String = redis::cmd("INFO").query_async(connection).await.unwrap();
    info.lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':')?.parse().ok())
        .unwrap()
}

/// How long Redis has run its scripts: its main thread does. Exact to some milliseconds, of many seconds.
fn nanos_in(schedstat: &str) -> u64 {
    let schedule = fs::read_to_string(schedstat).unwrap();
    schedule.split_whitespace().next().unwrap().parse().unwrap()
}
