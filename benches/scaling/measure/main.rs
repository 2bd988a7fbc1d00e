//! Measures what `inputs.txt` needs beside the results of `benches/peers`: prints its lines.
//!
//! ```text
//! cargo bench -p scaling --features measure
//! ```
//!
//! All times are those that a thread ran on a core: other processes disturb them little.
#![allow(clippy::unwrap_used, reason = "a measurement that panics has failed")]

mod event;
mod http;
mod redis_store;

use std::io::{self, Write as _};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tower_svix::events::pulse::PulseEvent;

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    for (name, len) in [("1k", 1024), ("20k", 20 * 1024)] {
        writeln!(out, "http_{name} {}", http::nanos(len))?;
        writeln!(out, "json_{name} {}", event::nanos::<event::Read>(len))?;
        let kept = event::nanos::<PulseEvent>(len);
        writeln!(out, "json_kept_{name} {kept}")?;
    }
    let redis = redis_store::measure();
    writeln!(out, "redis_client {}", redis.client_nanos)?;
    writeln!(out, "redis_server {}", redis.server_nanos)?;
    writeln!(out, "redis_bytes {}", redis.bytes_per_id)
}

/// How long this thread has run on a core.
fn cpu_nanos() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let time = Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32);
    time.as_nanos() as u64
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}
