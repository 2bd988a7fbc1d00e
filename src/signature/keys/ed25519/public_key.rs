//! The public ed25519 key that a receiver verifies with.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, StreamVerifier, VerifyingKey};

use super::strict;
use crate::signature::keys::bytes;
use crate::signature::keys::error::KeyError;
use crate::signature::keys::looks;
use crate::signature::keys::text::{KeyText, Role};

/// A public ed25519 key. It verifies what the sender signs with its [`PrivateKey`](crate::PrivateKey), and cannot sign.
///
/// Parse it from the text that the sender's portal shows: `whpk_` and base64. `v1a,` before the text is ignored, and so
/// are white space and zero-width spaces around it.
///
/// Verification is strict. Keys and signatures whose points have a small order are rejected, because one such signature
/// would be valid for every message. Keys, points and scalars that are not in canonical form are rejected, because one
/// signature could be turned into another.
///
/// # Errors
///
/// Parsing returns a [`KeyError`] for a text that is not a public key.
///
/// # Example
///
/// ```
/// use tower_svix::{PublicKey, SvixVerifyLayer};
///
/// # fn main() -> Result<(), tower_svix::KeyError> {
/// let key: PublicKey = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".parse()?;
/// let layer = SvixVerifyLayer::new(key);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "whpk")]
#[doc(alias = "v1a")]
#[derive(Clone)]
pub struct PublicKey {
    /// Shared, because it is large.
    key: Arc<VerifyingKey>,
}

impl PublicKey {
    /// Creates a key from the 32 bytes of a canonically encoded point that is not of small order.
    fn from_bytes(key: &[u8]) -> Result<Self, KeyError> {
        let key = key.try_into().map_err(|_| KeyError::InvalidPublicKey)?;
        let point = VerifyingKey::from_bytes(key).map_err(|_| KeyError::InvalidPublicKey)?;
        if point.is_weak() || point.to_edwards().compress().as_bytes() != key {
            return Err(KeyError::InvalidPublicKey);
        }
        let key = Arc::new(point);
        Ok(Self { key })
    }

    /// Starts to verify one listed signature, given in base64. Returns `None` if it cannot be valid for any message.
    pub(in crate::signature) fn start(&self, signature: &[u8]) -> Option<Ed25519State> {
        // The decoder needs room for whole groups of three bytes.
        let mut decoded = [0; 66];
        let len = STANDARD.decode_slice(signature, &mut decoded).ok()?;
        let signature = decoded[..len].try_into().ok()?;
        if !strict::is_acceptable(signature) {
            return None;
        }
        let verifier = self.key.verify_stream(&Signature::from_bytes(signature));
        Some(Ed25519State(Some(Box::new(verifier.ok()?))))
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let key = KeyText::read(text);
        match key.role {
            Role::Public => Self::from_bytes(&bytes::decode(&key)?),
            Role::Secret => Err(KeyError::Secret),
            Role::Bare => Err(looks::diagnose_secret(&key)),
            Role::Private => Err(KeyError::PrivateKey),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(ed25519)")
    }
}

/// The check of one signature of a delivery that is still arriving; `None` once it is done.
pub(in crate::signature) struct Ed25519State(Option<Box<StreamVerifier>>);

impl Ed25519State {
    pub(in crate::signature) fn update(&mut self, bytes: &[u8]) {
        if let Some(verifier) = &mut self.0 {
            verifier.update(bytes);
        }
    }

    /// Whether the signature is valid. Call at most once.
    pub(in crate::signature) fn is_valid(&mut self) -> bool {
        self.0
            .take()
            .is_some_and(|verifier| verifier.finalize_and_verify().is_ok())
    }
}
