//! The results of the measurements, each in a file in `target/results`. The report reads them.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::contender::Table;

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
        // Between two values, the value is interpolated.
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

/// The times of deliveries at the level of Tower.
#[derive(Serialize, Deserialize)]
pub struct Times {
    pub processes: usize,
    /// In each process.
    pub rounds: usize,
    pub seed: u64,
    pub sizes: Vec<TimesOfSize<Spread>>,
    pub builds: Vec<Build>,
}

/// The times of tower-svix alone, in a build of another kind.
#[derive(Serialize, Deserialize)]
pub struct Build {
    pub label: String,
    pub sizes: Vec<TimesOfSize<Spread>>,
}

/// One process gives a number for each, and many processes a spread.
#[derive(Serialize, Deserialize)]
pub struct TimesOfSize<T> {
    pub body_len: usize,
    /// Nanoseconds.
    pub limit: T,
    pub contenders: Vec<TimeOf<T>>,
}

#[derive(Serialize, Deserialize)]
pub struct TimeOf<T> {
    pub name: String,
    pub table: Table,
    /// Nanoseconds for a delivery.
    pub total: T,
    /// Of all that have a baseline.
    pub added: Option<Added<T>>,
}

#[derive(Serialize, Deserialize)]
pub struct Added<T> {
    /// Nanoseconds beyond the baseline.
    pub nanos: T,
    /// As a multiple of the limit.
    pub ratio: T,
}

/// The allocations of one delivery.
#[derive(Serialize, Deserialize)]
pub struct Allocations {
    pub body_len: usize,
    pub contenders: Vec<AllocationsOf>,
}

#[derive(Serialize, Deserialize)]
pub struct AllocationsOf {
    pub name: String,
    pub total: Blocks,
    /// Beyond the baseline, of all that verify.
    pub added: Option<Blocks>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Blocks {
    pub count: i64,
    pub bytes: i64,
}

/// The times for which polls block the executor.
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
    /// Polls of the task that drives the connection. They include those of the service.
    pub connection: PollTimes,
}

#[derive(Serialize, Deserialize)]
pub struct PollTimes {
    pub count: usize,
    pub p99: Duration,
    pub longest: Duration,
}

/// The results of servers over HTTP.
#[derive(Serialize, Deserialize)]
pub struct Http {
    pub turns: usize,
    pub connections: usize,
    pub seed: u64,
    pub sizes: Vec<HttpOfSize>,
}

#[derive(Serialize, Deserialize)]
pub struct HttpOfSize {
    pub body_len: usize,
    pub forms: Vec<HttpOf>,
}

#[derive(Serialize, Deserialize)]
pub struct HttpOf {
    pub name: String,
    /// Nanoseconds that the server runs for a request.
    pub cpu_nanos: Spread,
    /// Nanoseconds beyond the server without verification in the same round. That server has none.
    pub added: Option<Spread>,
    pub requests_per_second: Spread,
    /// Microseconds.
    pub p50: Spread,
    pub p99: Spread,
}

/// The instructions of servers for a delivery over HTTP.
#[derive(Serialize, Deserialize)]
pub struct Instructions {
    pub body_lens: Vec<usize>,
    pub servers: Vec<InstructionsOf>,
}

#[derive(Serialize, Deserialize)]
pub struct InstructionsOf {
    pub name: String,
    /// For each length of the body.
    pub counts: Vec<u64>,
}

/// A result with its own file.
pub trait Stored: Serialize + DeserializeOwned {
    const FILE: &str;

    fn save(&self) -> io::Result<()> {
        fs::create_dir_all(directory())?;
        serde_json::to_writer_pretty(File::create(directory().join(Self::FILE))?, self)?;
        Ok(())
    }

    fn load() -> io::Result<Self> {
        let file = File::open(directory().join(Self::FILE)).map_err(|error| {
            io::Error::other(format!("{}: {error}: measure all of it first", Self::FILE))
        })?;
        Ok(serde_json::from_reader(file)?)
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

impl Stored for Instructions {
    const FILE: &str = "instructions.json";
}

impl Stored for Http {
    const FILE: &str = "http.json";
}

fn directory() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/target/results").into()
}

/// Returns whether the program should be quick: enough to see that it works, but no result.
#[must_use]
pub fn is_quick() -> bool {
    std::env::args().any(|argument| argument == "--quick")
}
