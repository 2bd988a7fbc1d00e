//! How many deliveries went how, and how fast.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use hyper::Response;

#[derive(Default)]
pub(crate) struct Tally {
    /// How long each answer took.
    latencies: Vec<Duration>,
    /// How many deliveries ended in each status or error.
    outcomes: BTreeMap<String, u64>,
    /// How many of them were not answered with a 2xx status.
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
        let total: u64 = self.outcomes.values().sum();
        let elapsed = elapsed.as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "it is printed without decimals")]
        let throughput = total as f64 / elapsed;
        let mut report = format!(
            "deliveries {total} in {elapsed:.2} s\n\
             throughput {throughput:.0} per second\n"
        );

        self.latencies.sort_unstable();
        if let Some(max) = self.latencies.last() {
            // The latency that so many percent of the answers stayed within.
            let within = |percent: usize| {
                let count = (self.latencies.len() * percent).div_ceil(100);
                self.latencies[count - 1]
            };
            let (p50, p90, p99) = (within(50), within(90), within(99));
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
}
