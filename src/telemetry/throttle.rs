//! How many lines may be logged, and how many were not.

use std::sync::atomic::{AtomicU64, Ordering};

/// So many lines may be logged at once, for those who look at a rejection while they develop.
const BURST: u64 = 10;

/// Admits one line a second, and [`BURST`] at once, and counts those that it does not admit.
///
/// This is the generic cell rate algorithm, in whole seconds. It takes no lock, and has no state but two numbers.
#[derive(Default)]
pub(super) struct Throttle {
    /// From when on [`BURST`] lines may be logged at once again, in seconds since 1970.
    rested_at: AtomicU64,
    suppressed: AtomicU64,
}

impl Throttle {
    /// Asks for a line. If it may be logged, returns how many were not since the last one; if not, counts it.
    ///
    /// `now` is in seconds since 1970. While it is not known, no time passes.
    pub(super) fn admit(&self, now: Option<u64>) -> Option<u64> {
        if self.reserve(now) {
            Some(self.take_suppressed())
        } else {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            None
        }
    }

    /// Asks for a line that tells the number of those that were not logged, if there are any.
    pub(super) fn admit_count(&self, now: Option<u64>) -> Option<u64> {
        (self.has_suppressed() && self.reserve(now)).then(|| self.take_suppressed())
    }

    pub(super) fn has_suppressed(&self) -> bool {
        self.suppressed.load(Ordering::Relaxed) > 0
    }

    pub(super) fn take_suppressed(&self) -> u64 {
        self.suppressed.swap(0, Ordering::Relaxed)
    }

    fn reserve(&self, now: Option<u64>) -> bool {
        let reserve = |rested_at: u64| {
            let (now, rested_at) = match now {
                // A clock that was set back must not silence the log until it has caught up.
                Some(now) if rested_at > now.saturating_add(BURST) => (now, now),
                Some(now) => (now, rested_at.max(now)),
                None => (0, rested_at),
            };
            let rested_at = rested_at.checked_add(1)?;
            (rested_at - now <= BURST).then_some(rested_at)
        };
        self.rested_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, reserve)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_704_067_200;

    fn admitted(throttle: &Throttle, now: Option<u64>, asked: u64) -> u64 {
        let lines = (0..asked).filter(|_| throttle.admit(now).is_some());
        lines.count().try_into().expect("fewer than were asked for")
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_silence_the_log() {
        let throttle = Throttle::default();
        assert_eq!(admitted(&throttle, Some(NOW), 20), BURST);
        assert_eq!(admitted(&throttle, Some(NOW - 86_400), 20), BURST);
    }

    #[test]
    fn while_the_time_is_not_known_no_time_passes() {
        let throttle = Throttle::default();
        assert_eq!(admitted(&throttle, None, 20), BURST);
        assert_eq!(admitted(&throttle, None, 20), 0);
        assert_eq!(throttle.admit(Some(NOW)), Some(30));
        assert_eq!(admitted(&throttle, None, 20), 0);
    }

    #[test]
    fn no_time_is_out_of_range() {
        let throttle = Throttle::default();
        for now in [u64::MAX, 0, u64::MAX - 1, u64::MAX, 1] {
            assert!(admitted(&throttle, Some(now), 20) <= BURST, "{now}");
        }
    }
}
