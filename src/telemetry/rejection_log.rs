//! The log of rejected requests, with a limited number of lines.

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::throttle::Throttle;
use super::trace;
use crate::clock::Clock;

/// More than the number of codes. With fewer places, the last codes would share one.
const PLACES: usize = 16;

/// The log of the rejections of a layer: at most one line a second for each code, after a first burst, and the number
/// of the rejections that were not logged.
///
/// That number is in the next line with the same code. If there is no such line, the number gets a line of its own at
/// the next delivery, verified or rejected, or when the log is dropped. So no background task is needed.
#[derive(Default)]
pub(crate) struct RejectionLog {
    shares: [OnceLock<Share>; PLACES],
    /// Whether a share may have suppressed lines that are not reported yet.
    has_suppressed: AtomicBool,
}

/// The share of one code in the log.
struct Share {
    code: &'static str,
    is_ours: bool,
    throttle: Throttle,
}

impl RejectionLog {
    /// Logs that a request was rejected because of `code`, or `detail` in prose.
    ///
    /// `is_ours` means that the receiver is at fault. `cause` is the error behind it.
    pub(super) fn rejected(
        &self,
        clock: &dyn Clock,
        code: &'static str,
        detail: &dyn fmt::Display,
        is_ours: bool,
        cause: Option<&(dyn Error + 'static)>,
    ) {
        if !trace::is_logged(is_ours) {
            return;
        }
        let now = clock.unix_seconds();
        let share = self.share(code, is_ours);
        if let Some(suppressed) = share.throttle.admit(now) {
            trace::rejected(code, detail, is_ours, cause, suppressed);
        } else {
            self.has_suppressed.store(true, Ordering::Release);
        }
        self.tell_suppressed(now);
    }

    /// Reports suppressed lines when a delivery is verified.
    #[inline]
    pub(super) fn verified(&self, clock: &dyn Clock) {
        if self.has_suppressed.load(Ordering::Relaxed) {
            self.tell_suppressed(clock.unix_seconds());
        }
    }

    #[cold]
    fn tell_suppressed(&self, now: Option<u64>) {
        // Reset before the search, so that the next call finds the lines that are suppressed during the search.
        if !self.has_suppressed.swap(false, Ordering::AcqRel) {
            return;
        }
        for share in self.shares.iter().filter_map(OnceLock::get) {
            if let Some(count) = share.throttle.admit_count(now) {
                trace::suppressed(share.code, share.is_ours, count);
            }
            if share.throttle.has_suppressed() {
                self.has_suppressed.store(true, Ordering::Release);
            }
        }
    }

    fn share(&self, code: &'static str, is_ours: bool) -> &Share {
        let new = || Share {
            code,
            is_ours,
            throttle: Throttle::default(),
        };
        let [first @ .., last] = &self.shares;
        let mut shares = first.iter().map(|place| place.get_or_init(new));
        shares
            .find(|share| share.code == code)
            .unwrap_or_else(|| last.get_or_init(new))
    }
}

impl fmt::Debug for RejectionLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RejectionLog")
    }
}

impl Drop for RejectionLog {
    fn drop(&mut self) {
        for share in self.shares.iter().filter_map(OnceLock::get) {
            let count = share.throttle.take_suppressed();
            if count > 0 {
                trace::suppressed(share.code, share.is_ours, count);
            }
        }
    }
}
