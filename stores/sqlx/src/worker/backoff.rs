//! The pauses between attempts.

use std::time::Duration;

use tower_svix::idempotency::ClaimToken;

use crate::database::LONGEST;

/// The pauses between attempts. Each is twice as long as the one before, up to a limit.
///
/// Each pause is shortened at random by up to a half, so that events do not all return at the same moment after an outage.
///
/// ```
/// use std::time::Duration;
/// use tower_svix_sqlx::worker::Backoff;
///
/// let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(600));
/// assert_eq!(backoff, Backoff::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// Returns pauses from `first` to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first: first.min(LONGEST),
            longest: longest.min(LONGEST),
        }
    }

    /// Returns the pause after the attempt `attempt`, counted from 1.
    pub(super) fn pause(self, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let full = self.first.saturating_mul(doubled).min(self.longest);
        full.mul_f64(0.5 + 0.5 * random())
    }
}

/// From one second to ten minutes. With 20 attempts, the last comes more than an hour after the first.
impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_mins(10))
    }
}

/// Returns a number from 0 to 1. Without random numbers, this is 1, so that the pause is not shortened.
fn random() -> f64 {
    ClaimToken::random().map_or(1.0, |token| {
        f64::from(token.as_bytes()[0]) / f64::from(u8::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));
        for (attempt, full) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 4),
            (6, 32),
            (7, 60),
            (u32::MAX, 60),
        ] {
            let pause = backoff.pause(attempt);
            let full = Duration::from_secs(full);
            assert!(pause >= full / 2 && pause <= full, "{attempt}: {pause:?}");
        }
    }
}
