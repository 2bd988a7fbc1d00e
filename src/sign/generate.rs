//! Make new secrets and key pairs, out of the operating system's randomness.
//!
//! What is made is text, because it must be stored and given to the other side before anything can be signed with it.
//! Parse it into a [`Secret`](crate::Secret) or a [`SigningKey`](crate::SigningKey) to use it.
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

/// The text of a secret or of a private key. It is wiped when it is dropped, and not shown by `Debug`.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The text itself: `whsec_` or `whsk_`, and base64.
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

/// Makes an HMAC secret (`whsec_…`) of 32 random bytes, within the 24 to 64 that [Standard Webhooks] asks for.
///
/// # Errors
///
/// [`RandomnessUnavailable`] if the operating system has no randomness to give.
///
/// [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
pub fn secret() -> Result<SecretText, RandomnessUnavailable> {
    let mut key = Zeroizing::new([0; 32]);
    random::fill(&mut *key)?;
    Ok(secret_text("whsec_", &*key))
}

/// An ed25519 key pair: the sender signs with the private key, and receivers verify with the public one.
#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
#[derive(Clone, Debug)]
pub struct KeyPair {
    private: SecretText,
    public: String,
}

#[cfg(feature = "ed25519")]
impl KeyPair {
    /// The private key (`whsk_…`), for the sender alone.
    #[must_use]
    pub fn private(&self) -> &SecretText {
        &self.private
    }

    /// The public key (`whpk_…`), for receivers.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }
}

/// Makes an ed25519 key pair (`whsk_…` and `whpk_…`).
///
/// # Errors
///
/// [`RandomnessUnavailable`] if the operating system has no randomness to give.
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
    // With enough room from the start, no part of the text is left behind by a buffer that grew.
    let mut text = String::with_capacity(prefix.len() + key.len().div_ceil(3) * 4);
    text.push_str(prefix);
    STANDARD.encode_string(key, &mut text);
    SecretText(Zeroizing::new(text))
}
