//! The cost of a diagnosis, and its limits.

/// The cost of a diagnosis.
///
/// A diagnosis computes at most [`MAX_MACS`](Self::MAX_MACS) MACs (or checks of ed25519 signatures), which together
/// hash at most [`MAX_BYTES`](Self::MAX_BYTES) bytes. At the limit, only the least usual mistakes are left untried.
///
/// In addition, it decompresses a body to at most 8 MiB, and prints JSON of up to 256 KiB again, in fewer than 400
/// ways.
///
/// # Example
///
/// ```
/// use http::HeaderMap;
/// use tower_svix::diagnose::{Diagnosis, Work};
///
/// let diagnosis = Diagnosis::of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &HeaderMap::new(), b"{}").at(1_614_265_330);
/// assert!(diagnosis.work().macs <= Work::MAX_MACS);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Work {
    /// The number of MACs that were computed, and of ed25519 signatures that were checked.
    pub macs: usize,
    /// The number of bytes that were hashed for them.
    pub bytes: usize,
    /// Whether mistakes were left untried because of a limit.
    pub is_limited: bool,
}

impl Work {
    /// The maximum number of MACs that one diagnosis computes.
    pub const MAX_MACS: usize = 1_000;
    /// The maximum number of bytes that one diagnosis hashes: 64 MiB.
    pub const MAX_BYTES: usize = 64 * 1024 * 1024;

    /// Counts one more pass over `len` bytes. Returns `false`, and counts nothing, if that would exceed a limit.
    pub(super) fn book(&mut self, len: usize) -> bool {
        let bytes = self.bytes.saturating_add(len);
        if self.macs < Self::MAX_MACS && bytes <= Self::MAX_BYTES {
            self.macs += 1;
            self.bytes = bytes;
            true
        } else {
            self.is_limited = true;
            false
        }
    }
}
