//! A clock that is set by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Clock;

/// A clock that stands still until it is set. Its clones show the same time.
///
/// See [`test_util`](super#example) for an example.
#[derive(Clone, Debug)]
pub struct ManualClock {
    unix_seconds: Arc<AtomicU64>,
}

impl ManualClock {
    /// Makes a clock that shows `unix_seconds`, in seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn new(unix_seconds: u64) -> Self {
        Self {
            unix_seconds: Arc::new(AtomicU64::new(unix_seconds)),
        }
    }

    /// Sets the clock to `unix_seconds`, in seconds since 1970-01-01T00:00:00Z.
    pub fn set(&self, unix_seconds: u64) {
        self.unix_seconds.store(unix_seconds, Ordering::SeqCst);
    }

    /// Advances the clock by `seconds`.
    pub fn advance(&self, seconds: u64) {
        self.unix_seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn unix_seconds(&self) -> Option<u64> {
        Some(self.unix_seconds.load(Ordering::SeqCst))
    }
}
