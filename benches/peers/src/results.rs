//! What the measurements leave for the report: a file each, in `target/results`.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The quartiles of a set of measurements.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Spread {
    pub lower: f64,
    pub median: f64,
    pub upper: f64,
}

impl FromIterator<f64> for Spread {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut values = Vec::from_iter(values);
        values.sort_by(f64::total_cmp);
        // Between two values, the part of the way.
        let at = |quarter: f64| {
            let position = quarter / 4.0 * (values.len() - 1) as f64;
            let (low, high) = (position.floor(), position.ceil());
            let [low_value, high_value] = [low, high].map(|index| values[index as usize]);
            low_value + (high_value - low_value) * (position - low)
        };
        Self {
            lower: at(1.0),
            median: at(2.0),
            upper: at(3.0),
        }
    }
}

/// What deliveries cost at the level of Tower.
#[derive(Serialize, Deserialize)]
pub struct Times {
    pub rounds: usize,
    pub sizes: Vec<TimesOfSize>,
}

#[derive(Serialize, Deserialize)]
pub struct TimesOfSize {
    pub body_len: usize,
    /// Nanoseconds.
    pub limit: Spread,
    pub contenders: Vec<TimeOf>,
}

#[derive(Serialize, Deserialize)]
pub struct TimeOf {
    pub name: String,
    /// Nanoseconds for a delivery, all in all.
    pub total: Spread,
    /// For all that verify.
    pub added: Option<Added>,
}

#[derive(Serialize, Deserialize)]
pub struct Added {
    /// Nanoseconds beyond the baseline.
    pub nanos: Spread,
    /// The same as a multiple of the limit.
    pub ratio: Spread,
}

/// What one delivery allocates.
#[derive(Serialize, Deserialize)]
pub struct Allocations {
    pub body_len: usize,
    pub contenders: Vec<AllocationsOf>,
}

#[derive(Serialize, Deserialize)]
pub struct AllocationsOf {
    pub name: String,
    pub total: Blocks,
    /// Beyond the baseline, for all that verify.
    pub added: Option<Blocks>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Blocks {
    pub count: i64,
    pub bytes: i64,
}

/// How long polls hold the executor.
#[derive(Serialize, Deserialize)]
pub struct Polls {
    pub body_len: usize,
    pub deliveries: usize,
    pub contenders: Vec<PollsOf>,
}

#[derive(Serialize, Deserialize)]
pub struct PollsOf {
    pub name: String,
    /// Polls of the service's future.
    pub service: PollTimes,
    /// Polls of the task that drives the connection: the service's among them.
    pub connection: PollTimes,
}

#[derive(Serialize, Deserialize)]
pub struct PollTimes {
    pub count: usize,
    pub p99: Duration,
    pub longest: Duration,
}

/// What servers do over HTTP.
#[derive(Serialize, Deserialize)]
pub struct Http {
    pub rounds: usize,
    pub seconds: u64,
    pub connections: usize,
    pub sizes: Vec<HttpOfSize>,
}

#[derive(Serialize, Deserialize)]
pub struct HttpOfSize {
    pub body_len: usize,
    /// Nanoseconds.
    pub limit: Spread,
    pub forms: Vec<HttpOf>,
}

#[derive(Serialize, Deserialize)]
pub struct HttpOf {
    pub name: String,
    pub requests_per_second: Spread,
    /// Microseconds, with all connections busy.
    pub p50: Spread,
    pub p99: Spread,
    /// Microseconds, with one connection.
    pub p50_alone: Spread,
    pub p99_alone: Spread,
    /// For all that verify, beside the same server without verification.
    pub added: Option<HttpAdded>,
}

#[derive(Serialize, Deserialize)]
pub struct HttpAdded {
    /// Nanoseconds for a request, from the throughputs with and without.
    pub nanos: Spread,
    /// Nanoseconds for a request, from the time that the servers ran.
    pub cpu_nanos: Spread,
    /// The same as a multiple of the limit.
    pub ratio: Spread,
    /// Throughput as a part of that without.
    pub share: Spread,
}

/// A result that has a file of its own.
pub trait Stored: Serialize + DeserializeOwned {
    const FILE: &str;

    fn save(&self) -> io::Result<()> {
        fs::create_dir_all(directory())?;
        serde_json::to_writer_pretty(File::create(directory().join(Self::FILE))?, self)?;
        Ok(())
    }

    fn load() -> io::Result<Self> {
        Ok(serde_json::from_reader(File::open(
            directory().join(Self::FILE),
        )?)?)
    }
}

impl Stored for Times {
    const FILE: &str = "times.json";
}

impl Stored for Allocations {
    const FILE: &str = "allocations.json";
}

impl Stored for Polls {
    const FILE: &str = "polls.json";
}

impl Stored for Http {
    const FILE: &str = "http.json";
}

fn directory() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/target/results").into()
}

/// Whether the program is to be quick: good enough to see that it works, and too short for a result.
#[must_use]
pub fn is_quick() -> bool {
    std::env::args().any(|argument| argument == "--quick")
}
