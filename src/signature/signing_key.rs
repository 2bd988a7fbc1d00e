//! The key of a sender.

use std::fmt;
use std::str::FromStr;
#[cfg(feature = "ed25519")]
use std::sync::Arc;

use http::HeaderValue;

use super::error::{SecretError, SignError};
use super::key_text::KeyText;
use super::secret::Secret;

/// A key that deliveries are signed with.
///
/// Made from a [`Secret`], or from text as a [`Secret`] is:
///
/// | Text | Scheme | Version |
/// | --- | --- | --- |
/// | `whsec_` and base64, or base64 alone | HMAC-SHA256 | `v1` |
/// | `whsk_` and base64 (feature `ed25519`) | ed25519, private key and public key, 64 bytes | `v1a` |
///
/// # Errors
///
/// Parsing fails with a [`SecretError`] for a text that is empty, not base64, or no key of a sender.
///
/// # Example
///
/// ```
/// use tower_svix::SigningKey;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key: SigningKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#)?;
/// assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SigningKey {
    key: Key,
}

#[derive(Clone)]
enum Key {
    Secret(Secret),
    /// Shared, so that the key stays in one place of the memory, from where it is wiped in the end.
    #[cfg(feature = "ed25519")]
    Ed25519(Arc<super::ed25519::PrivateKey>),
}

impl SigningKey {
    /// Signs a delivery, and returns an element of its `webhook-signature` or `svix-signature` header.
    ///
    /// `unix_seconds` is the value of the timestamp header, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// The same as of [`Secret::sign`].
    pub fn sign(&self, id: &str, unix_seconds: u64, body: &[u8]) -> Result<HeaderValue, SignError> {
        match &self.key {
            Key::Secret(secret) => secret.sign(id, unix_seconds, body),
            #[cfg(feature = "ed25519")]
            Key::Ed25519(key) => {
                let (id, timestamp) = super::envelope::for_signing(id, unix_seconds)?;
                let signature = key.sign(id, timestamp.as_bytes(), body);
                Ok(HeaderValue::try_from(signature).expect("base64 is visible ASCII"))
            }
        }
    }
}

/// A public key is taken too, but then [`SigningKey::sign`] fails.
impl From<Secret> for SigningKey {
    fn from(secret: Secret) -> Self {
        Self {
            key: Key::Secret(secret),
        }
    }
}

impl FromStr for SigningKey {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        match KeyText::read(text) {
            KeyText::Secret(_) | KeyText::Bare(_) => text.parse::<Secret>().map(Self::from),
            KeyText::Public(_) => Err(SecretError::PublicKey),
            KeyText::Private(base64) => private_key_from(base64),
        }
    }
}

impl TryFrom<&str> for SigningKey {
    type Error = SecretError;

    fn try_from(text: &str) -> Result<Self, SecretError> {
        text.parse()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Key::Secret(secret) => f.debug_tuple("SigningKey").field(secret).finish(),
            #[cfg(feature = "ed25519")]
            Key::Ed25519(_) => f.write_str("SigningKey(ed25519)"),
        }
    }
}

#[cfg(feature = "ed25519")]
fn private_key_from(base64: &str) -> Result<SigningKey, SecretError> {
    let key = super::ed25519::PrivateKey::new(&super::key_text::decode(base64)?)?;
    Ok(SigningKey {
        key: Key::Ed25519(Arc::new(key)),
    })
}

#[cfg(not(feature = "ed25519"))]
fn private_key_from(_: &str) -> Result<SigningKey, SecretError> {
    Err(SecretError::PrivateKeyUnsupported)
}
