//! Random bytes from the operating system.

use std::error::Error;
use std::fmt;

/// The error of an operation that needs random bytes, if the operating system returns none.
///
/// There is no fallback to weaker randomness. See [`sign::generate`] for functions that return it.
///
#[cfg_attr(feature = "sign", doc = "[`sign::generate`]: crate::sign::generate")]
#[cfg_attr(
    not(feature = "sign"),
    doc = "[`sign::generate`]: https://docs.rs/tower-svix/latest/tower_svix/sign/generate/index.html"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RandomnessUnavailable;

impl fmt::Display for RandomnessUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operating system gave no random bytes")
    }
}

impl Error for RandomnessUnavailable {}

/// Fills `bytes` with random bytes that are fit for keys.
#[cfg(any(feature = "idempotency", feature = "sign"))]
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), RandomnessUnavailable> {
    getrandom::fill(bytes).map_err(|_| RandomnessUnavailable)
}
