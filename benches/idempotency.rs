//! What an event costs in the memory store: time on one core, and memory.
//!
//! ```text
//! cargo bench -p benches --bench idempotency --features idempotency
//! ```
#![allow(clippy::unwrap_used, reason = "a benchmark that panics has failed")]

use std::fs;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tower_svix::idempotency::{Claim, ClaimToken, EventKey, MemoryStore, Settlement, Store};

const IDS: usize = 1_000_000;
const LEASE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(48 * 60 * 60);

fn main() -> io::Result<()> {
    let keys: Vec<_> = (0..2 * IDS)
        .map(|index| EventKey::new(None, &format!("msg_{index:027}")))
        .collect();
    let token = ClaimToken::random().unwrap();
    let (filling, evicting) = keys.split_at(IDS);

    let store = MemoryStore::new();
    let before = resident_bytes();
    let filled = events_per_second(&store, filling, || token);
    let per_id = (resident_bytes() - before) / store.len();
    let evicted = events_per_second(&store, evicting, || token);

    let store = MemoryStore::new();
    let with_tokens = events_per_second(&store, filling, || ClaimToken::random().unwrap());

    let mut out = io::stdout();
    writeln!(
        out,
        "claim + complete, filling:          {filled:>9} per second"
    )?;
    writeln!(
        out,
        "claim + complete, full:             {evicted:>9} per second"
    )?;
    writeln!(
        out,
        "token + claim + complete, filling:  {with_tokens:>9} per second"
    )?;
    writeln!(
        out,
        "memory:                             {per_id:>9} bytes an id"
    )
}

fn events_per_second(
    store: &MemoryStore,
    keys: &[EventKey],
    mut token: impl FnMut() -> ClaimToken,
) -> u64 {
    let start = cpu_nanos();
    for key in keys {
        let token = token();
        assert_eq!(now(store.claim(key, token, LEASE)).unwrap(), Claim::Claimed);
        let completed = now(store.complete(key, token, RETENTION)).unwrap();
        assert_eq!(black_box(completed), Settlement::Done);
    }
    keys.len() as u64 * 1_000_000_000 / (cpu_nanos() - start)
}

/// The output of a future that does not wait.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("the memory store never waits"),
    }
}

/// How long this thread has run on a core, as Linux counts it: other processes do not disturb it.
fn cpu_nanos() -> u64 {
    let schedule = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    schedule.split_whitespace().next().unwrap().parse().unwrap()
}

/// How much memory the process uses, as Linux counts it.
fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    1024 * kilobytes.parse::<usize>().unwrap()
}
