//! The pauses between attempts.

use std::time::Duration;

/// Pauses that double from `base` up to `cap`, with jitter so that clients do not all return at once after an outage.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    pub base: Duration,
    pub cap: Duration,
}

impl Backoff {
    /// Returns the pause after the attempt `attempt`, counted from 1. It is at least as long as the server asked for.
    pub fn pause(self, attempt: u32, asked_for: Option<Duration>) -> Duration {
        let doubled = 2u32.saturating_pow(attempt.saturating_sub(1));
        let full = self.base.saturating_mul(doubled).min(self.cap);
        let pause = full.mul_f64(rand::random_range(0.5..=1.0));
        // Add the jitter, because the server tells every client the same time.
        asked_for.map_or(pause, |asked_for| {
            asked_for.saturating_add(pause.min(Duration::from_secs(1)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        base: Duration::from_secs(1),
        cap: Duration::from_mins(1),
    };

    #[test]
    fn pauses_double_up_to_the_cap() {
        for (attempt, full) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (u32::MAX, 60)] {
            let pause = BACKOFF.pause(attempt, None);
            let full = Duration::from_secs(full);
            assert!(pause >= full / 2 && pause <= full, "{attempt}: {pause:?}");
        }
    }

    #[test]
    fn the_server_is_not_asked_before_the_time_it_named() {
        let asked_for = Duration::from_mins(2);
        assert!(BACKOFF.pause(1, Some(asked_for)) > asked_for);
    }
}
