//! Limits the announcements that run at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;

/// Allows one announcement to run, and one more to wait.
#[derive(Debug, Default)]
pub(super) struct Announcer {
    pub(super) turn: Mutex<()>,
    is_waiting: AtomicBool,
}

/// The waiting announcement, until this is dropped, which also happens when the runtime ends.
pub(super) struct Waiting(Arc<Announcer>);

impl Waiting {
    /// Returns `None` if an announcement already waits.
    pub(super) fn new(announcer: &Arc<Announcer>) -> Option<Self> {
        let is_waiting = announcer.is_waiting.swap(true, Ordering::SeqCst);
        (!is_waiting).then(|| Self(Arc::clone(announcer)))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.is_waiting.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_dropped_lets_the_next_one_wait() {
        let announcer = Arc::default();
        let waiting = Waiting::new(&announcer);
        assert!(waiting.is_some() && Waiting::new(&announcer).is_none());
        drop(waiting);
        assert!(Waiting::new(&announcer).is_some());
    }
}
