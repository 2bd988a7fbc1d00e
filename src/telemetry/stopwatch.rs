//! How long the phases of a delivery take.

use std::time::{Duration, Instant};

/// Tells the time that has passed, if anyone asks.
pub(super) struct Stopwatch {
    /// `None` if nobody asks: to read the clock takes as long as a tenth of what a small delivery takes.
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

    /// The time since the last lap, or since the start.
    pub(super) fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let started = self.lap_started.replace(now);
        started.map_or(Duration::ZERO, |started| now - started)
    }

    /// The time since the start.
    #[cfg(feature = "metrics")]
    pub(super) fn total(&self) -> Duration {
        self.started
            .map_or(Duration::ZERO, |started| started.elapsed())
    }
}
