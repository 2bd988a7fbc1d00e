//! Clocks that do not depend on the time of the test.

use tower_svix::Clock;

/// A clock that stands still, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct At(pub u64);

impl Clock for At {
    fn unix_seconds(&self) -> Option<u64> {
        Some(self.0)
    }
}

/// A clock that does not know the time.
#[derive(Clone, Copy, Debug)]
pub struct Broken;

impl Clock for Broken {
    fn unix_seconds(&self) -> Option<u64> {
        None
    }
}
