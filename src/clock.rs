//! Where the time comes from that decides anything: the only place that reads the system's clocks for it.

use std::fmt;
#[cfg(feature = "idempotency-memory")]
use std::sync::OnceLock;
#[cfg(feature = "idempotency-memory")]
use std::time::{Duration, Instant};
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of the current time, against which a delivery's timestamp is checked.
///
/// The default is [`SystemClock`]. Supply another one in tests, to replay a recorded delivery at its own time, or on a
/// target without a system clock.
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
pub trait Clock: fmt::Debug + Send + Sync {
    /// The current time in whole seconds since 1970-01-01T00:00:00Z, or `None` if it is not known.
    ///
    /// A request that arrives while the time is unknown cannot be judged: it is rejected with
    /// [`VerifyError::ClockUnavailable`](crate::VerifyError::ClockUnavailable), and the sender is asked to retry.
    fn unix_seconds(&self) -> Option<u64>;
}

/// The operating system's clock.
///
/// On `wasm32-unknown-unknown` there is none, and the time is not known: supply a [`Clock`] that asks the host.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_seconds(&self) -> Option<u64> {
        // There, the standard library panics.
        if cfg!(all(target_family = "wasm", target_os = "unknown")) {
            return None;
        }
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(since_epoch.as_secs())
    }
}

/// A source of time that never goes back, against which leases and retentions are measured.
///
/// The default is the operating system's. Supply another one in tests, or on a target without such a clock.
#[cfg(feature = "idempotency-memory")]
pub trait MonotonicClock: fmt::Debug + Send + Sync {
    /// How much time has passed since some moment that stays the same.
    fn elapsed(&self) -> Duration;
}

/// The operating system's monotonic clock.
///
/// It is read when it is first asked, and not when it is made: a target that has none gets another in time.
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
