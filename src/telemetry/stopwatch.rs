//! How long the phases of a delivery take.

use std::time::{Duration, Instant};

/// Tells the time that has passed.
pub(super) struct Stopwatch {
    started: Instant,
    lap_started: Instant,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        let now = Instant::now();
        Self {
            started: now,
            lap_started: now,
        }
    }

    /// The time since the last lap, or since the start.
    pub(super) fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now - std::mem::replace(&mut self.lap_started, now)
    }

    /// The time of all laps.
    pub(super) fn total(&self) -> Duration {
        self.lap_started - self.started
    }
}
