//! ed25519 ([RFC 8032]), version `v1a` of the scheme: the sender keeps the private key, receivers hold the public one.
//!
//! Verification is strict: keys and signatures whose points have a small order are refused, since one such signature would
//! hold for every message, and so are keys, points and scalars in another than their canonical form, since anyone could
//! turn one signature into another.
//!
//! [RFC 8032]: https://www.rfc-editor.org/rfc/rfc8032

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::ed25519::signature::MultipartSigner as _;
use ed25519_dalek::{Signature, SigningKey, StreamVerifier, VerifyingKey};

use super::error::SecretError;

/// The version that a list of signatures gives an ed25519 signature.
pub(super) const VERSION: &str = "v1a";

/// Characters in the base64 text of a signature, padding included.
pub(super) const BASE64_LEN: usize = 88;

/// How many `v1a` signatures of one delivery are tried with each key.
///
/// Unlike a MAC, which is computed once and compared with all that is listed, each of these costs a pass of SHA-512 over
/// the body and an operation on the curve. A sender lists one for each of its keys that has not expired: two during a
/// rotation, more only if it rotates again within that time.
pub(super) const MAX_SIGNATURES: usize = 4;

/// A public key that deliveries are verified with.
pub(super) struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Takes the 32 bytes of a canonically encoded point that is not of small order.
    pub(super) fn new(key: &[u8]) -> Result<Self, SecretError> {
        let key = key.try_into().map_err(|_| SecretError::InvalidPublicKey)?;
        let point = VerifyingKey::from_bytes(key).map_err(|_| SecretError::InvalidPublicKey)?;
        if point.is_weak() || point.to_edwards().compress().as_bytes() != key {
            return Err(SecretError::InvalidPublicKey);
        }
        Ok(Self(point))
    }

    /// Starts to verify the base64 text of one listed signature.
    pub(super) fn start(&self, signature: &[u8]) -> Ed25519State {
        Ed25519State(self.verifier(signature).map(Box::new))
    }

    /// `None` if no message can have this signature.
    fn verifier(&self, signature: &[u8]) -> Option<StreamVerifier> {
        // The decoder asks for room for whole groups of three bytes.
        let mut decoded = [0; BASE64_LEN / 4 * 3];
        let len = STANDARD.decode_slice(signature, &mut decoded).ok()?;
        let signature = Signature::from_slice(&decoded[..len]).ok()?;

        // `StreamVerifier` compares the point R in its canonical encoding, and refuses a scalar beyond the group's order,
        // as `verify_strict` does; that R is not of small order is left to us.
        let r = VerifyingKey::from_bytes(signature.r_bytes()).ok()?;
        if r.is_weak() {
            return None;
        }
        self.0.verify_stream(&signature).ok()
    }
}

/// The check of one signature of a delivery that is still arriving; `None` if it cannot hold.
pub(super) struct Ed25519State(Option<Box<StreamVerifier>>);

impl Ed25519State {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(verifier) = &mut self.0 {
            verifier.update(bytes);
        }
    }

    /// Whether the signature holds. To be asked once.
    pub(super) fn holds(&mut self) -> bool {
        self.0
            .take()
            .is_some_and(|verifier| verifier.finalize_and_verify().is_ok())
    }
}

/// A private key that deliveries are signed with. It is wiped when it is dropped.
pub(super) struct PrivateKey(SigningKey);

impl PrivateKey {
    /// Takes the 32 bytes of the seed, followed by the 32 bytes of the public key that belongs to it.
    pub(super) fn new(key: &[u8]) -> Result<Self, SecretError> {
        let key = key.try_into().map_err(|_| SecretError::InvalidPrivateKey)?;
        SigningKey::from_keypair_bytes(key)
            .map(Self)
            .map_err(|_| SecretError::InvalidPrivateKey)
    }

    /// The signature of `id.timestamp.body`, with its version.
    pub(super) fn sign(&self, id: &[u8], timestamp: &[u8], body: &[u8]) -> String {
        let signature = self.0.multipart_sign(&[id, b".", timestamp, b".", body]);
        format!("{VERSION},{}", STANDARD.encode(signature.to_bytes()))
    }
}
