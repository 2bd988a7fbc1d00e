//! What the log says of rejected requests, whatever their number is.

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::throttle::Throttle;
use super::trace;
use crate::clock::Clock;

/// More than there are codes. Otherwise the last ones would share a place.
const PLACES: usize = 16;

/// Logs the rejections of a layer, a few lines a second for each code, and the number of the others.
///
/// That number is in the next line with the same code. If there is none, it gets a line of its own at the next delivery,
/// verified or rejected, or at last when the log is dropped. So it needs no task in the background.
#[derive(Default)]
pub(crate) struct RejectionLog {
    shares: [OnceLock<Share>; PLACES],
    /// Whether any share may have suppressed a line.
    has_suppressed: AtomicBool,
}

/// What one code has of the log.
struct Share {
    code: &'static str,
    is_ours: bool,
    throttle: Throttle,
}

impl RejectionLog {
    /// A request was rejected because of `code`, which is `detail` in prose.
    ///
    /// `is_ours` says that the receiver is at fault, and `cause` what failed there.
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

    /// A delivery was verified.
    #[inline]
    pub(super) fn verified(&self, clock: &dyn Clock) {
        if self.has_suppressed.load(Ordering::Relaxed) {
            self.tell_suppressed(clock.unix_seconds());
        }
    }

    #[cold]
    fn tell_suppressed(&self, now: Option<u64>) {
        // Taken back before it is looked for, so that what comes in between is found the next time.
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
