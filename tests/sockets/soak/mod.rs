//! Receivers under load and disturbances: for half a minute, or for the minutes that are asked for.
//!
//! ```text
//! cargo test -p tower-svix-tests --test sockets soak -- --nocapture
//! SOAK_MINUTES=30 cargo test --release -p tower-svix-tests --test sockets soak -- --nocapture
//! ```
//!
//! Two receivers share a Redis: `examples/production`, and `programs/soak_receiver.rs`, whose effects are in a
//! database. The third, `programs/soak_inbox.rs`, has an inbox in Postgres, and a worker whose effects are in the same
//! database. Some of its attempts fail, panic or hang. A sender delivers each event to all of them until it is
//! acknowledged, some several times at once and again later, among forged and stale deliveries. Meanwhile, receivers
//! are stopped and killed, and Redis and Postgres are stopped, killed and frozen, in an order that `SOAK_SEED` repeats.
//! In the last third there are no disturbances, to see whether the memory grows. In the end:
//!
//! - each genuine event has its effect in both databases exactly once;
//! - the receivers with Redis have processed each event at least once, and again only if the receiver or Redis went away
//!   during one of its deliveries;
//! - the inbox has stored each event exactly once, and all of them are processed;
//! - no forged or stale delivery was accepted;
//! - every delivery got a response while its receiver ran;
//! - the memory does not grow.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod disturbance;
mod drain;
mod effects;
mod event;
mod forgery;
mod history;
mod memory;
mod processes;
mod receiver;
mod report;
mod sender;

use std::env;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use self::audit::{Audit, wrong_effects};
use self::disturbance::disturb;
use self::drain::drain;
use self::effects::Effects;
use self::memory::observe;
use self::processes::Processes;
use self::receiver::Receiver;
use self::report::report;

/// How long it may take until all deliveries are acknowledged. Some wait for the end of a lease of 60 seconds.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(180);
/// The times of the test, and the limit of memory.
struct Plan {
    disturbed: Duration,
    /// The longest time between two disturbances.
    pause: Duration,
    undisturbed: Duration,
    /// The longest time until an event is sent again.
    resend: Duration,
    /// How much the memory of a receiver may grow after the first third.
    max_growth_kib: f64,
}

impl Plan {
    fn from_env() -> Self {
        match env::var("SOAK_MINUTES") {
            Ok(minutes) => {
                let third = Duration::from_secs(20) * minutes.parse().expect("a number of minutes");
                Self {
                    disturbed: 2 * third,
                    pause: Duration::from_secs(20),
                    undisturbed: third,
                    resend: Duration::from_secs(60),
                    max_growth_kib: 2048.0,
                }
            }
            Err(_) => Self {
                // One disturbance of each kind.
                disturbed: Duration::ZERO,
                pause: Duration::from_millis(800),
                undisturbed: Duration::from_secs(12),
                resend: Duration::from_secs(5),
                // Some 13 MiB of bodies are sent. A receiver has hardly warmed up.
                max_growth_kib: 8192.0,
            },
        }
    }
}

#[test]
fn all_promises_hold_over_time() {
    soak(&Plan::from_env());
}

fn soak(plan: &Plan) {
    let seed = match env::var("SOAK_SEED") {
        Ok(seed) => seed.parse().expect("a number"),
        Err(_) => rand::random(),
    };
    println!("SOAK_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let directory = Directory::new();
    let mut processes = Processes::start(&directory.0.join("effects.sqlite"));

    let runtime = Runtime::new().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let endpoints = processes
        .receivers
        .each_ref()
        .map(|receiver| Arc::clone(&receiver.endpoint));
    let sending = runtime.spawn(sender::run(
        endpoints,
        plan.resend,
        StdRng::from_rng(&mut rng),
        Arc::clone(&done),
    ));
    let disturbances = disturb(plan.disturbed, plan.pause, &mut processes, &mut rng);
    let memory = observe(plan.undisturbed, &processes.receivers);
    done.store(true, Ordering::Relaxed);
    let lasted = started.elapsed();
    let sent = runtime
        .block_on(async { timeout(DRAIN_TIMEOUT, sending).await })
        .expect("each event is acknowledged in the end")
        .unwrap();
    let counts = runtime.block_on(drain(&processes.stores.postgres.url(), DRAIN_TIMEOUT));
    processes.receivers.iter_mut().for_each(Receiver::stop);

    let (events, times) = (sent.len(), disturbances.len());
    println!("{events} events in {lasted:.1?}, {times} disturbances");
    println!("{} done events in the inbox", counts.done);
    let mut violations = Vec::new();
    if counts.dead > 0 {
        violations.push(format!("the inbox: {} events are dead", counts.dead));
    }
    for ((number, receiver), memory) in processes.receivers.iter().enumerate().zip(&memory) {
        let mut audit = Audit::of(number, receiver, &sent, &disturbances);
        if let Some(database) = &receiver.database {
            let effects = runtime.block_on(Effects::read(database));
            audit.violations.extend(wrong_effects(&effects, &sent));
        }
        println!("{}", report(receiver, &audit, memory, lasted));
        let (name, growth) = (receiver.name, memory.trend.growth_kib());
        let named = |text| format!("{name}: {text}");
        violations.extend(audit.violations.into_iter().map(named));
        if growth > plan.max_growth_kib {
            violations.push(format!("{name}: it grew by {growth:.0} KiB"));
        }
    }
    for violation in violations.iter().take(20) {
        println!("{violation}");
    }
    let count = violations.len();
    assert_eq!(count, 0, "so many promises are broken");
}

/// A folder for the database and the files that `SQLite` puts beside it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("soak-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
