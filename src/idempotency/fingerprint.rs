//! A fingerprint of 16 bytes, to compare payloads.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The first 16 bytes of the SHA-256 of a payload, to check whether two payloads under one key are the same.
///
/// A store keeps it with a completed event. Finding two payloads with the same fingerprint takes about 2⁶⁴ tries.
///
/// It can also be a part of the [key](crate::IdempotencyLayer::key) of an event, for a sender that gives several
/// payloads one id.
///
/// # Example
///
/// ```
/// use tower_svix::idempotency::Fingerprint;
///
/// let fingerprint = Fingerprint::of(b"{}");
/// assert_eq!(fingerprint, Fingerprint::from_bytes(*fingerprint.as_bytes()));
/// assert_ne!(fingerprint, Fingerprint::of(b"{ }"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Returns the fingerprint of `payload`. Hashes all of it at once, which takes as long as one HMAC of it.
    #[must_use]
    pub fn of(payload: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.advance(payload, usize::MAX);
        hasher.finish()
    }

    /// Returns the 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Restores a fingerprint from the 16 bytes that a store has kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

/// Writes 32 hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The computation of a fingerprint, in parts, for a payload that may be too long to hash at once.
pub(super) struct Hasher {
    sha256: Sha256,
    /// The number of bytes that are hashed so far.
    hashed: usize,
}

impl Hasher {
    pub(super) fn new() -> Self {
        Self {
            sha256: Sha256::new(),
            hashed: 0,
        }
    }

    /// Hashes up to `budget` more bytes of `payload`, which must be the same at each call. Returns whether all are
    /// hashed.
    pub(super) fn advance(&mut self, payload: &[u8], budget: usize) -> bool {
        let rest = &payload[self.hashed..];
        let part = &rest[..rest.len().min(budget)];
        self.sha256.update(part);
        self.hashed += part.len();
        part.len() == rest.len()
    }

    pub(super) fn finish(self) -> Fingerprint {
        let digest = self.sha256.finalize();
        Fingerprint(*digest.first_chunk().expect("32 bytes"))
    }
}
