//! The cost of an event in the stores of ids: time, memory, and commands of Redis.
//!
//! ```text
//! cargo bench -p benches --bench idempotency --features idempotency
//! ```
//!
//! `core` is the time that the threads ran, which other processes hardly affect. `wall` is the time that passed.
#![allow(clippy::unwrap_used, reason = "a benchmark that panics has failed")]

#[allow(dead_code, reason = "a benchmark uses its part")]
#[path = "../tests/src/redis_server.rs"]
mod redis_server;
mod support;

use std::convert::Infallible;
use std::fs;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{Request, Response, StatusCode};
use redis::aio::ConnectionManager;
use tower::{Layer as _, Service, service_fn};
use tower_svix::IdempotencyLayer;
use tower_svix::idempotency::{
    ClaimStatus, ClaimToken, EventKey, Fingerprint, MemoryStore, Settlement, Store, StoreError,
};
use tower_svix_redis::RedisStore;

use self::redis_server::RedisServer;
use self::support::net::Delivery;
use self::support::{Frames, WHOLE, cpu_time, run};

const IDS: usize = 1_000_000;
const LEASE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(96 * 60 * 60);
const FINGERPRINT: Fingerprint = Fingerprint::from_bytes([7; 16]);

fn main() -> io::Result<()> {
    memory_store()?;
    two_threads()?;
    layer()?;
    redis_store()
}

fn memory_store() -> io::Result<()> {
    let (filling, evicting) = (keys(0, IDS), keys(IDS, IDS));
    let token = random_token();
    let store = MemoryStore::new();
    let before = resident_bytes();
    let filled = time_on_core(|| process_all(&store, &filling, || token));
    let per_id = (resident_bytes() - before) / store.len();
    let evicted = time_on_core(|| process_all(&store, &evicting, || token));

    let store = MemoryStore::new();
    let with_tokens = time_on_core(|| process_all(&store, &filling, random_token));

    report("memory: claim + complete, filling", "core", IDS, filled)?;
    report("memory: claim + complete, full", "core", IDS, evicted)?;
    report("memory: token + claim + complete", "core", IDS, with_tokens)?;
    writeln!(io::stdout(), "memory: {per_id} bytes an id")
}

/// Each thread has half of the events, so the two rows of a pair do the same work.
fn two_threads() -> io::Result<()> {
    let (one, other) = (keys(0, IDS / 2), keys(IDS / 2, IDS / 2));
    let token = random_token();

    let store = MemoryStore::new();
    let start = Instant::now();
    let mut alone = time_on_core(|| process_all(&store, &one, || token));
    alone += time_on_core(|| process_all(&store, &other, || token));
    let alone_wall = start.elapsed();

    let store = MemoryStore::new();
    let work = |keys| time_on_core(|| process_all(&store, keys, || token));
    let start = Instant::now();
    let shared: Duration = thread::scope(|scope| {
        let threads = [&one, &other].map(|keys| scope.spawn(|| work(keys)));
        threads.map(|thread| thread.join().unwrap()).iter().sum()
    });
    let shared_wall = start.elapsed();

    report("memory: one thread", "core", IDS, alone)?;
    report("memory: two threads, each", "core", IDS, shared)?;
    report("memory: one thread", "wall", IDS, alone_wall)?;
    report("memory: two threads, together", "wall", IDS, shared_wall)
}

/// Measures both layers, beside the one that only verifies.
fn layer() -> io::Result<()> {
    const DELIVERIES: usize = 100_000;
    let requests: Vec<_> = (0..DELIVERIES)
        .map(|index| {
            let delivery = Delivery::genuine(&format!("msg_{index:027}"), vec![b'a'; 128]);
            support::request(&delivery, WHOLE)
        })
        .collect();
    let verify = support::layer(support::secret());
    let handler = service_fn(support::receive);
    let once = IdempotencyLayer::new(MemoryStore::new()).layer(handler);
    let (mut verified, mut once) = (verify.layer(handler), verify.layer(once));

    let without = time_on_core(|| deliver_all(&mut verified, &requests));
    let fresh = time_on_core(|| deliver_all(&mut once, &requests));
    let duplicate = time_on_core(|| deliver_all(&mut once, &requests));
    report("layers: verified", "core", DELIVERIES, without)?;
    report("layers: verified, first", "core", DELIVERIES, fresh)?;
    report("layers: verified, duplicate", "core", DELIVERIES, duplicate)
}

fn deliver_all<S, ResBody>(service: &mut S, requests: &[Request<Frames>])
where
    S: Service<Request<Frames>, Response = Response<ResBody>, Error = Infallible>,
{
    for request in requests {
        let Ok(response) = run(service.call(request.clone()));
        assert_eq!(black_box(response).status(), StatusCode::OK);
    }
}

fn redis_store() -> io::Result<()> {
    const EVENTS: usize = 20_000;
    let server = RedisServer::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let connection = server.connect().await;
        let store = RedisStore::new(connection.clone(), "webhook:");
        for (name, at_once) in [("one at a time", 1), ("64 at once", 64)] {
            let keys = keys(at_once * EVENTS, EVENTS);
            let before = evals(connection.clone()).await;
            let start = Instant::now();
            stream::iter(&keys)
                .map(Ok)
                .try_for_each_concurrent(at_once, |key| process(&store, key, random_token()))
                .await
                .unwrap();
            let took = start.elapsed();
            let commands = evals(connection.clone()).await - before;
            report(
                &format!("redis: claim + complete, {name}"),
                "wall",
                EVENTS,
                took,
            )?;
            assert_eq!(commands, 2 * EVENTS, "one command for each operation");
        }
        writeln!(io::stdout(), "redis: one command for each operation")
    })
}

/// Returns how many scripts Redis was told to run.
async fn evals(mut connection: ConnectionManager) -> usize {
    let mut info = redis::cmd("INFO");
    let stats: String = info
        .arg("commandstats")
        .query_async(&mut connection)
        .await
        .unwrap();
    stats
        .lines()
        .find_map(|line| {
            line.strip_prefix("cmdstat_eval:calls=")?
                .split(',')
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(0)
}

async fn process(store: &impl Store, key: &EventKey, token: ClaimToken) -> Result<(), StoreError> {
    assert_eq!(store.claim(key, token, LEASE).await?, ClaimStatus::Claimed);
    let settled = store.complete(key, token, FINGERPRINT, RETENTION).await?;
    assert_eq!(settled, Settlement::Done);
    Ok(())
}

fn process_all(store: &MemoryStore, keys: &[EventKey], mut token: impl FnMut() -> ClaimToken) {
    for key in keys {
        run(process(store, key, token())).unwrap();
    }
}

fn random_token() -> ClaimToken {
    ClaimToken::random().unwrap()
}

fn keys(from: usize, count: usize) -> Vec<EventKey> {
    (from..from + count)
        .map(|index| EventKey::new(None, &format!("msg_{index:027}")))
        .collect()
}

fn time_on_core(work: impl FnOnce()) -> Duration {
    let start = cpu_time::now();
    work();
    cpu_time::now().saturating_sub(start)
}

fn report(what: &str, time: &str, events: usize, took: Duration) -> io::Result<()> {
    let nanos = took.as_nanos() / events as u128;
    let per_second = events as u128 * 1_000_000_000 / took.as_nanos();
    writeln!(
        io::stdout(),
        "{what:40} {time} {nanos:>7} ns each {per_second:>9} a second"
    )
}

/// Returns the memory of the process, according to Linux.
fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    1024 * kilobytes.parse::<usize>().unwrap()
}
