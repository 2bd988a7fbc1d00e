//! New secrets and key pairs, from the operating system's random numbers.
//!
//! The functions return text, because a key must be stored and given to the other side before it can be used. Parse the
//! text into a [`Secret`](crate::Secret) or a [`SigningKey`](crate::SigningKey) to use it.
//!
//! # Example
//!
//! ```
//! use tower_svix::{Secret, sign::generate};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = generate::secret()?;
//! let secret: Secret = text.expose().parse()?;
//! # Ok(())
//! # }
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::random::{self, RandomnessUnavailable};

/// The text of a secret or of a private key. It is wiped when it is dropped, and `Debug` does not show it.
///
/// See [`generate`](self#example) for an example.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Returns the text itself: `whsec_` or `whsk_`, and base64.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText([redacted])")
    }
}

/// Generates an HMAC secret (`whsec_…`) of 32 random bytes. [Standard Webhooks] requires 24 to 64 bytes.
///
/// See [`generate`](self#example) for an example.
///
/// # Errors
///
/// Returns [`RandomnessUnavailable`] if the operating system provides no random numbers.
///
/// [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
#[doc(alias = "whsec")]
pub fn secret() -> Result<SecretText, RandomnessUnavailable> {
    let mut key = Zeroizing::new([0; 32]);
    random::fill(&mut *key)?;
    Ok(secret_text("whsec_", &*key))
}

/// An ed25519 key pair: the sender signs with the private key, and receivers verify with the public key.
///
/// Made by [`key_pair`], which has an example.
#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
#[derive(Clone, Debug)]
pub struct KeyPair {
    private: SecretText,
    public: String,
}

#[cfg(feature = "ed25519")]
impl KeyPair {
    /// Returns the private key (`whsk_…`), for the sender only.
    #[must_use]
    pub fn private(&self) -> &SecretText {
        &self.private
    }

    /// Returns the public key (`whpk_…`), for receivers.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }
}

/// Generates an ed25519 key pair (`whsk_…` and `whpk_…`).
///
/// ```
/// use tower_svix::{PublicKey, SigningKey, sign::generate};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pair = generate::key_pair()?;
/// let sender: SigningKey = pair.private().expose().parse()?;
/// let receiver: PublicKey = pair.public().parse()?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Returns [`RandomnessUnavailable`] if the operating system provides no random numbers.
#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
pub fn key_pair() -> Result<KeyPair, RandomnessUnavailable> {
    let mut seed = Zeroizing::new([0; 32]);
    random::fill(&mut *seed)?;
    let key = ed25519_dalek::SigningKey::from_bytes(&seed);
    Ok(KeyPair {
        private: secret_text("whsk_", &*Zeroizing::new(key.to_keypair_bytes())),
        public: format!("whpk_{}", STANDARD.encode(key.verifying_key().as_bytes())),
    })
}

fn secret_text(prefix: &str, key: &[u8]) -> SecretText {
    // Sized in advance: a buffer that grows would leave a copy of the text behind.
    let mut text = String::with_capacity(prefix.len() + key.len().div_ceil(3) * 4);
    text.push_str(prefix);
    STANDARD.encode_string(key, &mut text);
    SecretText(Zeroizing::new(text))
}
