//! The distance of a timestamp from the current time, in words.

use std::fmt;

/// A distance in seconds, which `Display` writes in seconds, hours or days.
pub(super) struct Distance(pub(super) u64);

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0;
        match seconds {
            1 => f.write_str("1 second"),
            0..7200 => write!(f, "{seconds} seconds"),
            7200..172_800 => write!(f, "{} hours", seconds / 3600),
            172_800.. => write!(f, "{} days", seconds / 86_400),
        }
    }
}

/// Returns the likely unit of a timestamp that is so many seconds in the future, or `None` if it is seconds.
///
/// A timestamp in milliseconds has 13 digits between 2001 and 2286: read as seconds, some 50,000 years in the future.
pub(super) fn smaller_unit(seconds_ahead: u64) -> Option<&'static str> {
    match seconds_ahead {
        0..100_000_000_000 => None,
        100_000_000_000..100_000_000_000_000 => Some("milliseconds"),
        100_000_000_000_000..100_000_000_000_000_000 => Some("microseconds"),
        100_000_000_000_000_000.. => Some("nanoseconds"),
    }
}
