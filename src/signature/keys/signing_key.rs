//! The key of a sender, for either kind of signature.

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;

#[cfg(feature = "ed25519")]
use super::ed25519::PrivateKey;
use super::error::KeyError;
use super::secret::Secret;
use super::text::{KeyText, Role};
use crate::signature::error::SignError;

/// A key that signs deliveries: a [`Secret`] or, with the feature `ed25519`, a [`PrivateKey`].
///
/// Its text tells which of them it is:
///
/// | Text | Scheme | Version |
/// | --- | --- | --- |
/// | `whsec_` and base64, or base64 alone, as a [`Secret`] reads it | HMAC-SHA256 | `v1` |
/// | `whsk_` and base64 (feature `ed25519`) | ed25519, private key and public key, 64 bytes | `v1a` |
///
/// # Errors
///
/// Parsing returns a [`KeyError`] for a text that is empty, not base64, or not a key of a sender.
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
///
#[cfg_attr(
    not(feature = "ed25519"),
    doc = "[`PrivateKey`]: https://docs.rs/tower-svix/latest/tower_svix/struct.PrivateKey.html"
)]
#[derive(Clone)]
pub struct SigningKey {
    key: Key,
}

#[derive(Clone)]
enum Key {
    Secret(Secret),
    #[cfg(feature = "ed25519")]
    Private(PrivateKey),
}

impl SigningKey {
    /// Signs a delivery, and returns one element of its `webhook-signature` or `svix-signature` header.
    ///
    /// `unix_seconds` is the value of the timestamp header, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// Returns [`SignError::InvalidId`] for an id that receivers reject: see [`Secret::sign`].
    pub fn sign(&self, id: &str, unix_seconds: u64, body: &[u8]) -> Result<HeaderValue, SignError> {
        match &self.key {
            Key::Secret(secret) => secret.sign(id, unix_seconds, body),
            #[cfg(feature = "ed25519")]
            Key::Private(key) => key.sign(id, unix_seconds, body),
        }
    }
}

impl From<Secret> for SigningKey {
    fn from(secret: Secret) -> Self {
        let key = Key::Secret(secret);
        Self { key }
    }
}

#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
impl From<PrivateKey> for SigningKey {
    fn from(key: PrivateKey) -> Self {
        let key = Key::Private(key);
        Self { key }
    }
}

impl FromStr for SigningKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        match KeyText::read(text).role {
            Role::Secret | Role::Bare => text.parse::<Secret>().map(Self::from),
            Role::Public => Err(KeyError::PublicKey),
            #[cfg(feature = "ed25519")]
            Role::Private => text.parse::<PrivateKey>().map(Self::from),
            #[cfg(not(feature = "ed25519"))]
            Role::Private => Err(KeyError::Ed25519Unsupported),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("SigningKey");
        match &self.key {
            Key::Secret(secret) => shown.field(secret),
            #[cfg(feature = "ed25519")]
            Key::Private(key) => shown.field(key),
        };
        shown.finish()
    }
}
