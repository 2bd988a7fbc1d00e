//! The limits on the memory of bodies: of a single body, and of all unverified bodies of a layer together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::rejection::Rejection;

/// The number of bytes that the unverified bodies of a layer share, and how many of them are taken.
#[derive(Debug)]
pub(super) struct MemoryLimit {
    bytes: usize,
    taken: AtomicUsize,
}

impl MemoryLimit {
    pub(super) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes,
            taken: AtomicUsize::new(0),
        })
    }

    /// Takes `bytes` bytes if they are available, and returns whether they were.
    fn take(&self, bytes: usize) -> bool {
        let add = |taken: usize| {
            let taken = taken.checked_add(bytes)?;
            (taken <= self.bytes).then_some(taken)
        };
        // Relaxed: the number guards no other memory.
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
            .is_ok()
    }
}

/// The number of bytes of one body that may be received.
#[derive(Default)]
pub(super) struct Room {
    bytes: usize,
    /// The same number of bytes, taken from the layer's memory, if that is limited.
    share: Option<Share>,
}

/// A part of the layer's memory. Dropping it returns the bytes.
struct Share {
    limit: Arc<MemoryLimit>,
    bytes: usize,
}

impl Room {
    /// Returns how many bytes there is room for.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes room for a body that claims to have `claimed` bytes, up to `body_limit`.
    #[inline]
    pub(super) fn make(
        &mut self,
        claimed: usize,
        body_limit: usize,
        memory_limit: Option<&Arc<MemoryLimit>>,
    ) -> Result<(), Rejection> {
        if claimed > body_limit {
            return Err(Rejection::BodyTooLarge);
        }
        self.bytes = body_limit;
        match memory_limit {
            None => Ok(()),
            Some(limit) => self.share(limit, claimed),
        }
    }

    #[cold]
    fn share(&mut self, limit: &Arc<MemoryLimit>, claimed: usize) -> Result<(), Rejection> {
        let limit = Arc::clone(limit);
        self.share = Some(Share { limit, bytes: 0 });
        self.grow(claimed)
    }

    /// Makes room for `bytes` bytes in total, or returns why that is not possible. `None` is more than a `usize` can
    /// count.
    // Cold: without a memory limit, the check of each frame in the caller is enough.
    #[cold]
    pub(super) fn grow_to(
        &mut self,
        bytes: Option<usize>,
        body_limit: usize,
    ) -> Result<(), Rejection> {
        match bytes {
            Some(bytes) if bytes <= body_limit => self.grow(bytes),
            _ => Err(Rejection::BodyTooLarge),
        }
    }

    fn grow(&mut self, bytes: usize) -> Result<(), Rejection> {
        let Some(share) = &mut self.share else {
            return Err(Rejection::BodyTooLarge);
        };
        // It would never fit.
        if bytes > share.limit.bytes {
            return Err(Rejection::BodyTooLarge);
        }
        if !share.limit.take(bytes - share.bytes) {
            return Err(Rejection::MemoryExhausted);
        }
        share.bytes = bytes;
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Share {
    #[inline(never)]
    fn drop(&mut self) {
        self.limit.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
