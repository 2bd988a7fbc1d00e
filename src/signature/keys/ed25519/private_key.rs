//! The private ed25519 key that a sender signs with.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::ed25519::signature::MultipartSigner as _;
use http::HeaderValue;

use crate::signature::error::SignError;
use crate::signature::headers;
use crate::signature::keys::bytes;
use crate::signature::keys::error::KeyError;
use crate::signature::keys::looks;
use crate::signature::keys::text::{KeyText, Role};

/// The version of an ed25519 signature in a list of signatures.
const VERSION: &str = "v1a";

/// A private ed25519 key. It signs deliveries, which receivers verify with its [`PublicKey`](crate::PublicKey).
///
/// Parse it from its text: `whsk_` and the base64 of 64 bytes, which are the private key and the public key. `v1a,`
/// before the text is ignored, and so are white space and zero-width spaces around it. To make a new key pair, use
/// [`sign::generate`](crate::sign::generate).
///
/// The key is wiped when it is dropped, and `Debug` never shows it.
///
/// # Errors
///
/// Parsing returns a [`KeyError`] for a text that is not a private key.
///
/// # Example
///
/// ```
/// # #[cfg(feature = "sign")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_svix::{PrivateKey, sign::generate};
///
/// let key: PrivateKey = generate::key_pair()?.private().expose().parse()?;
/// let signature = key.sign("msg_1", 1_704_067_200, b"{}")?;
/// assert!(signature.to_str()?.starts_with("v1a,"));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sign"))]
/// # fn main() {}
/// ```
#[doc(alias = "whsk")]
#[doc(alias = "v1a")]
#[derive(Clone)]
pub struct PrivateKey {
    /// Shared, so that the key stays in one place in memory, where it is finally wiped.
    key: Arc<SigningKey>,
}

impl PrivateKey {
    /// Signs a delivery, and returns one element of its `webhook-signature` or `svix-signature` header.
    ///
    /// `unix_seconds` is the value of the timestamp header, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// Returns [`SignError::InvalidId`] for an id that receivers reject: see [`Secret::sign`](crate::Secret::sign).
    pub fn sign(&self, id: &str, unix_seconds: u64, body: &[u8]) -> Result<HeaderValue, SignError> {
        let (id, timestamp) = headers::for_signing(id, unix_seconds)?;
        let parts = [id, b".", timestamp.as_bytes(), b".", body];
        let signature = self.key.multipart_sign(&parts);
        let element = format!("{VERSION},{}", STANDARD.encode(signature.to_bytes()));
        Ok(HeaderValue::try_from(element).expect("base64 is visible ASCII"))
    }
}

impl FromStr for PrivateKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let key = KeyText::read(text);
        match key.role {
            Role::Private => {
                let key = bytes::decode(&key)?;
                let key = (**key)
                    .try_into()
                    .map_err(|_| KeyError::InvalidPrivateKey)?;
                let key =
                    SigningKey::from_keypair_bytes(key).map_err(|_| KeyError::InvalidPrivateKey)?;
                let key = Arc::new(key);
                Ok(Self { key })
            }
            Role::Secret => Err(KeyError::Secret),
            Role::Bare => Err(looks::diagnose_secret(&key)),
            Role::Public => Err(KeyError::PublicKey),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(ed25519)")
    }
}
