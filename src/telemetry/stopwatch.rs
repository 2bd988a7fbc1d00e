//! How long the phases of a delivery take.

use std::time::{Duration, Instant};

/// Tells the time that has passed.
pub(super) struct Stopwatch {
    started: Option<Instant>,
    lap_started: Option<Instant>,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        let now = now();
        Self {
            started: now,
            lap_started: now,
        }
    }

    /// The time since the last lap, or since the start.
    pub(super) fn lap(&mut self) -> Duration {
        let now = now();
        between(std::mem::replace(&mut self.lap_started, now), now)
    }

    /// The time of all laps.
    pub(super) fn total(&self) -> Duration {
        between(self.started, self.lap_started)
    }
}

/// The time, unless the target has no clock: there, the standard library panics.
fn now() -> Option<Instant> {
    (!cfg!(all(target_family = "wasm", target_os = "unknown"))).then(Instant::now)
}

fn between(start: Option<Instant>, end: Option<Instant>) -> Duration {
    let both = start.zip(end);
    both.map_or(Duration::ZERO, |(start, end)| end - start)
}
