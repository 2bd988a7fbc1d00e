//! How long the phases of a delivery take.

use std::time::Duration;
#[cfg(any(feature = "metrics", feature = "tracing"))]
use std::time::Instant;

/// Tells the time that has passed, or no time at all if nobody asks.
pub(super) struct Stopwatch {
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    started: Instant,
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    lap_started: Instant,
}

#[cfg(any(feature = "metrics", feature = "tracing"))]
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

#[cfg(not(any(feature = "metrics", feature = "tracing")))]
#[allow(clippy::unused_self, reason = "the methods are those of the real one")]
impl Stopwatch {
    pub(super) fn start() -> Self {
        Self {}
    }

    pub(super) fn lap(&mut self) -> Duration {
        Duration::ZERO
    }

    pub(super) fn total(&self) -> Duration {
        Duration::ZERO
    }
}
