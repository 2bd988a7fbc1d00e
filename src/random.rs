//! The operating system's randomness.

use std::error::Error;
use std::fmt;

/// The error of whatever needs random bytes: the operating system has none to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RandomnessUnavailable;

impl fmt::Display for RandomnessUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operating system gave no random bytes")
    }
}

impl Error for RandomnessUnavailable {}

/// Fills `bytes` with random ones, fit for keys.
#[cfg(any(feature = "idempotency", feature = "sign"))]
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), RandomnessUnavailable> {
    getrandom::fill(bytes).map_err(|_| RandomnessUnavailable)
}
