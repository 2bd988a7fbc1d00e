//! The memory of a process, and whether it grows.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::processes::RECEIVERS;
use super::receiver::Receiver;

const SAMPLE_PERIOD: Duration = Duration::from_millis(250);

/// The resident memory of a process, as the kernel counts it.
pub(crate) struct Resident {
    pub(crate) now_kib: u64,
    pub(crate) peak_kib: u64,
}

impl Resident {
    pub(crate) fn of(process_id: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process_id}/status"))
            .expect("the process runs, and this is Linux");
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let value = line.and_then(|value| value.trim().strip_suffix(" kB"));
            value.expect("a number of KiB").parse().unwrap()
        };
        Self {
            now_kib: kib("VmRSS:"),
            peak_kib: kib("VmHWM:"),
        }
    }
}

/// The memory of a receiver while there are no disturbances.
#[derive(Default)]
pub(crate) struct Observation {
    pub(crate) trend: Trend,
    /// The total length of the bodies in this time.
    pub(crate) body_bytes: u64,
}

/// Observes the memory. The first third of the time is for warming up.
pub(crate) fn observe(
    length: Duration,
    receivers: &[Receiver; RECEIVERS],
) -> [Observation; RECEIVERS] {
    sleep(length / 3);
    let before = receivers
        .each_ref()
        .map(|receiver| receiver.endpoint.body_bytes());
    let mut observations = <[Observation; RECEIVERS]>::default();
    let started = Instant::now();
    while started.elapsed() < length * 2 / 3 {
        for (observation, receiver) in observations.iter_mut().zip(receivers) {
            observation
                .trend
                .add(started.elapsed(), &receiver.resident());
        }
        sleep(SAMPLE_PERIOD);
    }
    for (number, observation) in observations.iter_mut().enumerate() {
        observation.body_bytes = receivers[number].endpoint.body_bytes() - before[number];
    }
    observations
}

/// Samples of one process over time.
#[derive(Default)]
pub(crate) struct Trend {
    samples: Vec<(f64, f64)>,
}

impl Trend {
    #[allow(clippy::cast_precision_loss, reason = "no process has 2^53 KiB")]
    pub(crate) fn add(&mut self, at: Duration, resident: &Resident) {
        self.samples
            .push((at.as_secs_f64(), resident.now_kib as f64));
    }

    pub(crate) fn min_kib(&self) -> f64 {
        self.kib().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn max_kib(&self) -> f64 {
        self.kib().fold(0.0, f64::max)
    }

    /// Returns the average of the last quarter of the samples minus that of the first quarter.
    pub(crate) fn growth_kib(&self) -> f64 {
        let quarter = self.samples.len().div_ceil(4);
        let mean = |samples: &[(f64, f64)]| {
            let sum: f64 = samples.iter().map(|&(_, kib)| kib).sum();
            sum / f64::from(u32::try_from(samples.len()).unwrap())
        };
        mean(&self.samples[self.samples.len() - quarter..]) - mean(&self.samples[..quarter])
    }

    /// Returns the slope of the line that fits best.
    pub(crate) fn kib_per_minute(&self) -> f64 {
        let count = f64::from(u32::try_from(self.samples.len()).unwrap());
        let mean_at = self.samples.iter().map(|&(at, _)| at).sum::<f64>() / count;
        let mean_kib = self.kib().sum::<f64>() / count;
        let (mut covariance, mut variance) = (0.0, 0.0);
        for &(at, kib) in &self.samples {
            covariance += (at - mean_at) * (kib - mean_kib);
            variance += (at - mean_at).powi(2);
        }
        covariance / variance * 60.0
    }

    fn kib(&self) -> impl Iterator<Item = f64> {
        self.samples.iter().map(|&(_, kib)| kib)
    }
}
