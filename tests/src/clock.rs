//! Clocks that do not depend on the current time.

use tower_svix::Clock;

/// A clock that always shows the same time, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct At(pub u64);

impl Clock for At {
    fn unix_seconds(&self) -> Option<u64> {
        Some(self.0)
    }
}

/// A clock that cannot tell the time.
#[derive(Clone, Copy, Debug)]
pub struct Broken;

impl Clock for Broken {
    fn unix_seconds(&self) -> Option<u64> {
        None
    }
}
