//! The bytes of a body that is arriving.

use bytes::{Buf, Bytes};

/// The received part of a body: the original `Bytes` of a single frame, or one buffer with copies of several frames.
pub(crate) enum BodyBuffer {
    Whole(Bytes),
    Joined(Vec<u8>),
}

/// The maximum allocation, in bytes, for a claimed length, until [`BELIEVED_FROM`] bytes have arrived.
const MAX_CLAIM: usize = 64 * 1024;
/// Once this many bytes have arrived, a claim is believed up to sixteen times as many. The buffer then need not move
/// again: a move would take a millisecond for 8 MiB, in one poll. On most platforms, memory that the sender has not
/// filled is reserved, but not in use.
const BELIEVED_FROM: usize = 512 * 1024;
/// A shorter buffer doubles. From this length on, it grows by only a part of what has arrived, so that a stalled upload
/// takes little more memory than it sent.
const GROWTH_STEP: usize = 16 * 1024;

impl Default for BodyBuffer {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl BodyBuffer {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Joined(buffer) => buffer,
        }
    }

    /// Adds `chunk`. The first chunk is not copied.
    ///
    /// `claimed` is the length that the sender claims for the whole body, in bytes, or 0 if it claims none.
    pub(crate) fn push(&mut self, mut chunk: impl Buf, claimed: usize) {
        if !chunk.has_remaining() {
            return;
        }
        if let Self::Whole(first) = self {
            if first.is_empty() {
                *first = chunk.copy_to_bytes(chunk.remaining());
                return;
            }
            let capacity = claimed.min(MAX_CLAIM).max(first.len() + chunk.remaining());
            let mut buffer = Vec::with_capacity(capacity);
            buffer.extend_from_slice(first);
            *self = Self::Joined(buffer);
        }
        if let Self::Joined(buffer) = self {
            reserve(buffer, chunk.remaining(), claimed);
            while chunk.has_remaining() {
                let piece = chunk.chunk();
                buffer.extend_from_slice(piece);
                chunk.advance(piece.len());
            }
        }
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Joined(buffer) => buffer.into(),
        }
    }
}

/// Makes room for `additional` bytes. A small buffer doubles; a large one grows by a quarter, or to the claimed length.
fn reserve(buffer: &mut Vec<u8>, additional: usize, claimed: usize) {
    let len = buffer.len();
    if buffer.capacity() - len < additional {
        let step = if len < BELIEVED_FROM {
            len.min(GROWTH_STEP).max(len / 4)
        } else {
            claimed
                .min(len.saturating_mul(16))
                .saturating_sub(len)
                .max(len / 4)
        };
        buffer.reserve_exact(step.max(additional));
    }
}
