//! The outcomes and latencies of deliveries.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use hyper::Response;
use serde_json::json;

#[derive(Default)]
pub(crate) struct Tally {
    /// The latency of each response.
    latencies: Vec<Duration>,
    /// The number of deliveries with each status or error.
    outcomes: BTreeMap<String, u64>,
    /// The number of deliveries without a 2xx response.
    failures: u64,
}

impl Tally {
    pub(crate) fn add<B, E: ToString>(&mut self, answer: Result<Response<B>, E>, took: Duration) {
        let (outcome, success) = match answer {
            Ok(response) => {
                self.latencies.push(took);
                (
                    response.status().to_string(),
                    response.status().is_success(),
                )
            }
            Err(error) => (error.to_string(), false),
        };
        *self.outcomes.entry(outcome).or_default() += 1;
        self.failures += u64::from(!success);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        self.failures += other.failures;
    }

    pub(crate) fn all_succeeded(&self) -> bool {
        self.failures == 0
    }

    pub(crate) fn report(&mut self, elapsed: Duration) -> String {
        let total = self.total();
        let throughput = self.throughput(elapsed);
        let elapsed = elapsed.as_secs_f64();
        let mut report = format!(
            "deliveries {total} in {elapsed:.2} s\n\
             throughput {throughput:.0} per second\n"
        );
        if let Some([p50, p90, p99, max]) = self.percentiles() {
            let _ = writeln!(
                report,
                "latency    p50 {p50:.2?}, p90 {p90:.2?}, p99 {p99:.2?}, max {max:.2?}"
            );
        }
        for (outcome, count) in &self.outcomes {
            let _ = writeln!(report, "{count:>10} {outcome}");
        }
        report
    }

    /// Returns the same as JSON, with times in seconds.
    pub(crate) fn as_json(&mut self, elapsed: Duration) -> serde_json::Value {
        let latency = self.percentiles().map(|found| {
            let [p50, p90, p99, max] = found.map(|latency| latency.as_secs_f64());
            json!({"p50": p50, "p90": p90, "p99": p99, "max": max})
        });
        json!({
            "deliveries": self.total(),
            "seconds": elapsed.as_secs_f64(),
            "per_second": self.throughput(elapsed),
            "latency": latency,
            "outcomes": self.outcomes,
        })
    }

    fn total(&self) -> u64 {
        self.outcomes.values().sum()
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "it is no more than a measurement"
    )]
    fn throughput(&self, elapsed: Duration) -> f64 {
        self.total() as f64 / elapsed.as_secs_f64()
    }

    /// Returns the 50th, 90th, 99th and 100th percentile of the latency, if there were responses.
    fn percentiles(&mut self) -> Option<[Duration; 4]> {
        self.latencies.sort_unstable();
        let count = self.latencies.len();
        (count > 0).then(|| {
            [50, 90, 99, 100].map(|percent| self.latencies[(count * percent).div_ceil(100) - 1])
        })
    }
}
