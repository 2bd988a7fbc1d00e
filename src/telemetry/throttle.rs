//! A limit on the number of lines that are logged.

use std::sync::atomic::{AtomicU64, Ordering};

/// The number of lines that may be logged at once, for developers who look at rejections.
const BURST: u64 = 10;
/// The number of seconds after which a thread may still use a time that it has read. A clock that goes back further was
/// set.
const SLACK: u64 = 60;
/// While the time is not known, one line in this many is logged.
const ONE_IN: u64 = 1000;

/// Admits one line a second, and [`BURST`] lines at once, and counts the lines that it does not admit.
///
/// This is the generic cell rate algorithm, in whole seconds. It takes no lock, and its state is two numbers.
#[derive(Default)]
pub(super) struct Throttle {
    /// The time from which [`BURST`] lines may be logged at once again, in seconds since 1970.
    rested_at: AtomicU64,
    suppressed: AtomicU64,
}

impl Throttle {
    /// Requests a line. If it may be logged, returns how many were suppressed since the last one. If not, counts it.
    ///
    /// `now` is in seconds since 1970. While it is not known, no time passes, and one line in [`ONE_IN`] is logged.
    pub(super) fn admit(&self, now: Option<u64>) -> Option<u64> {
        if self.reserve(now) {
            return Some(self.take_suppressed());
        }
        let suppressed = self.suppressed.fetch_add(1, Ordering::Relaxed) + 1;
        // The line itself is logged, so it does not count as suppressed.
        (now.is_none() && suppressed >= ONE_IN).then(|| self.take_suppressed().saturating_sub(1))
    }

    /// Requests a line for the number of suppressed lines, if there are any, and returns that number.
    pub(super) fn admit_count(&self, now: Option<u64>) -> Option<u64> {
        let may_be_told = self.has_suppressed() && self.reserve(now);
        let count = may_be_told.then(|| self.take_suppressed());
        // Another thread may have reported them.
        count.filter(|count| *count > 0)
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
                // A clock that was set back must not silence the log until the clock has caught up.
                Some(now) if rested_at > now.saturating_add(BURST + SLACK) => (now, now),
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
        for seconds in [120, 86_400] {
            let throttle = Throttle::default();
            assert_eq!(admitted(&throttle, Some(NOW), 20), BURST);
            assert_eq!(admitted(&throttle, Some(NOW - seconds), 20), BURST);
        }
    }

    #[test]
    fn a_thread_that_is_late_gets_no_lines_of_its_own() {
        let throttle = Throttle::default();
        assert_eq!(admitted(&throttle, Some(NOW), 20), BURST);
        for _ in 0..10 {
            admitted(&throttle, Some(NOW + 1), 20);
            assert_eq!(admitted(&throttle, Some(NOW), 20), 0);
        }
    }

    #[test]
    fn while_the_time_is_not_known_one_in_many_is_logged() {
        let throttle = Throttle::default();
        assert_eq!(admitted(&throttle, None, 20), BURST);
        assert_eq!(admitted(&throttle, None, 20), 0);
        assert_eq!(throttle.admit(Some(NOW)), Some(30));
        assert_eq!(admitted(&throttle, None, 3 * ONE_IN), 3);
        assert_eq!(throttle.take_suppressed(), 0);

        // Each line is logged, or is in the count of a line that is logged.
        let told: u64 = (0..2500)
            .filter_map(|_| throttle.admit(None))
            .map(|count| count + 1)
            .sum();
        assert_eq!(told + throttle.take_suppressed(), 2500);
    }

    #[test]
    fn no_time_is_out_of_range() {
        let throttle = Throttle::default();
        for now in [u64::MAX, 0, u64::MAX - 1, u64::MAX, 1] {
            assert!(admitted(&throttle, Some(now), 20) <= BURST, "{now}");
        }
    }
}
