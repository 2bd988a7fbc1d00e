//! How much a diagnosis may cost.

/// What a diagnosis has cost.
///
/// It computes at most [`MAX_MACS`](Self::MAX_MACS) MACs (or checks of ed25519 signatures), which hash at most
/// [`MAX_BYTES`](Self::MAX_BYTES) bytes together. What is left untried then is what is least usual.
///
/// Besides, it decompresses a body to at most 8 MiB, and prints JSON of up to 256 KiB anew, once for each of the MACs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Work {
    /// How many MACs it computed, or ed25519 signatures it checked.
    pub macs: usize,
    /// How many bytes these hashed.
    pub bytes: usize,
    /// Whether something was left untried because of the limits.
    pub is_limited: bool,
}

impl Work {
    /// The most MACs that one diagnosis computes.
    pub const MAX_MACS: usize = 1_000;
    /// The most bytes that one diagnosis hashes: 64 MiB.
    pub const MAX_BYTES: usize = 64 * 1024 * 1024;

    /// Books one more pass over `len` bytes, or returns `false` if there is no room for it.
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
