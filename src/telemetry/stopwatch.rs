//! The durations of the phases of a delivery.

use std::time::{Duration, Instant};

/// Measures the time that has passed, if it is needed.
pub(super) struct Stopwatch {
    /// `None` if the time is not needed: reading the clock takes a tenth of the time of a small delivery.
    lap_started: Option<Instant>,
    #[cfg(feature = "metrics")]
    started: Option<Instant>,
}

impl Stopwatch {
    pub(super) fn start(is_asked: bool) -> Self {
        let now = is_asked.then(Instant::now);
        Self {
            lap_started: now,
            #[cfg(feature = "metrics")]
            started: now,
        }
    }

    /// Returns the time since the last lap, or since the start.
    pub(super) fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let started = self.lap_started.replace(now);
        started.map_or(Duration::ZERO, |started| now - started)
    }

    /// Returns the time since the start.
    #[cfg(feature = "metrics")]
    pub(super) fn total(&self) -> Duration {
        self.started
            .map_or(Duration::ZERO, |started| started.elapsed())
    }
}
