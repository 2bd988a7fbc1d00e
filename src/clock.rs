//! The sources of time for all decisions. No other file reads the system's clocks for a decision.

use std::fmt;
#[cfg(feature = "idempotency-memory")]
use std::sync::OnceLock;
#[cfg(feature = "idempotency-memory")]
use std::time::{Duration, Instant};
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of the current time, which the timestamps of deliveries are compared with.
///
/// The default is [`SystemClock`]. Implement another one for a target without a system clock, or to verify a recorded
/// delivery at its own time. For tests, there is [`ManualClock`] with the feature `test-util`.
///
/// # Example
///
/// ```
/// use tower_svix::{Clock, Secret, SvixVerifyLayer};
///
/// #[derive(Debug)]
/// struct Frozen;
///
/// impl Clock for Frozen {
///     fn unix_seconds(&self) -> Option<u64> {
///         Some(1_704_067_200)
///     }
/// }
///
/// # fn main() -> Result<(), tower_svix::KeyError> {
/// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// let layer = SvixVerifyLayer::new(secret).clock(Frozen);
/// # Ok(())
/// # }
/// ```
///
#[cfg_attr(
    feature = "test-util",
    doc = "[`ManualClock`]: crate::test_util::ManualClock"
)]
#[cfg_attr(
    not(feature = "test-util"),
    doc = "[`ManualClock`]: https://docs.rs/tower-svix/latest/tower_svix/test_util/struct.ManualClock.html"
)]
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the current time in whole seconds since 1970-01-01T00:00:00Z, or `None` if it is not known.
    ///
    /// While the time is not known, no request can be judged: each is rejected with
    /// [`VerifyError::ClockUnavailable`](crate::VerifyError::ClockUnavailable), and the sender is asked to retry.
    fn unix_seconds(&self) -> Option<u64>;
}

/// The operating system's clock, which is the default.
///
/// On `wasm32-unknown-unknown`, there is no such clock, and the time is not known: use a [`Clock`] that asks the host.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_seconds(&self) -> Option<u64> {
        // On this target, the standard library panics.
        if cfg!(all(target_family = "wasm", target_os = "unknown")) {
            return None;
        }
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(since_epoch.as_secs())
    }
}

/// A source of time that never goes back, which measures leases and retentions.
///
/// The default is the operating system's monotonic clock. Implement another one for tests, or for a target without such
/// a clock.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use tower_svix::idempotency::{MemoryStore, MonotonicClock};
///
/// #[derive(Debug)]
/// struct Frozen;
///
/// impl MonotonicClock for Frozen {
///     fn elapsed(&self) -> Duration {
///         Duration::ZERO
///     }
/// }
///
/// let store = MemoryStore::new().clock(Frozen);
/// ```
#[cfg(feature = "idempotency-memory")]
pub trait MonotonicClock: fmt::Debug + Send + Sync {
    /// Returns how much time has passed since a fixed moment.
    fn elapsed(&self) -> Duration;
}

/// The operating system's monotonic clock.
///
/// It is not read before it is first asked, so that a target without one can set another clock in time.
#[cfg(feature = "idempotency-memory")]
#[derive(Debug, Default)]
pub(crate) struct SystemMonotonicClock {
    start: OnceLock<Instant>,
}

#[cfg(feature = "idempotency-memory")]
impl MonotonicClock for SystemMonotonicClock {
    fn elapsed(&self) -> Duration {
        self.start.get_or_init(Instant::now).elapsed()
    }
}
