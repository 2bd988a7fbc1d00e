//! One key of a receiver, parsed from the text that the sender's portal shows.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderValue;

use super::check::{self, Check};
#[cfg(feature = "ed25519")]
use super::ed25519::PublicKey;
use super::envelope::{self, Envelope};
use super::error::{SecretError, SignError};
use super::hmac::{self, HmacKey};
use super::key_text::{KeyText, decode, decode_bare};

/// A key that deliveries are verified with.
///
/// Made from the text in the sender's portal, with [`str::parse`] or [`TryFrom`]. The text says which scheme it is for:
///
/// | Text | Scheme | Version |
/// | --- | --- | --- |
/// | `whsec_` and base64, or base64 alone | HMAC-SHA256 | `v1` |
/// | `whpk_` and base64 (feature `ed25519`) | ed25519, the sender's public key | `v1a` |
///
/// Surrounding white space is ignored, since secrets come out of files and shells, and so is missing padding.
///
/// The key schedule is done once, here; the text and the key itself are not kept. What is derived from them is wiped
/// when the secret is dropped, and never shown by `Debug`.
///
/// # Errors
///
/// Parsing fails with a [`SecretError`] for a text that is empty, not base64, or no key of a receiver.
///
/// # Example
///
/// ```
/// use tower_svix::{Secret, SecretError};
///
/// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n".parse()?;
/// assert_eq!(format!("{secret:?}"), "Secret(HMAC-SHA256)");
///
/// assert_eq!("whsec_".parse::<Secret>().unwrap_err(), SecretError::Empty);
/// # Ok::<(), SecretError>(())
/// ```
#[derive(Clone)]
pub struct Secret {
    /// Shared, so that the key stays in one place of the memory, from where it is wiped in the end.
    key: Arc<Key>,
}

enum Key {
    Hmac(HmacKey),
    HexHmac(HmacKey),
    #[cfg(feature = "ed25519")]
    Ed25519(PublicKey),
}

impl Secret {
    /// Uses `key` itself, of any length but zero, as the HMAC-SHA256 key.
    ///
    /// Standard Webhooks asks senders for 24 to 64 random bytes; a receiver cannot choose.
    ///
    /// # Errors
    ///
    /// [`SecretError::Empty`] if `key` is empty.
    pub fn from_bytes(key: &[u8]) -> Result<Self, SecretError> {
        hmac_key(key).map(Key::Hmac).map(Self::new)
    }

    /// Uses the text of the secret itself, prefix and all, as the HMAC-SHA256 key, and expects the signature in
    /// hexadecimal digits, with a version (`v1,5257a8…`) or without.
    ///
    /// That is what the sample handlers in Pulse's documentation compute. What Svix sends is another thing: it decodes
    /// the secret from base64 and writes the signature in base64, so those handlers refuse every delivery of Svix, and a
    /// secret made here does as well. Use it only for a sender that was written to fit such a handler, and
    /// [parse](str::parse) the secret for any other.
    ///
    /// Surrounding white space is ignored.
    ///
    /// # Errors
    ///
    /// [`SecretError::Empty`] if there is nothing else, or nothing but `whsec_`. [`SecretError::PublicKey`] and
    /// [`SecretError::PrivateKey`] for the text of an ed25519 key.
    ///
    /// # Example
    ///
    /// ```
    /// use tower_svix::Secret;
    ///
    /// let secret = Secret::text_key_with_hex_signatures("your_webhook_secret_here")?;
    /// # Ok::<(), tower_svix::SecretError>(())
    /// ```
    pub fn text_key_with_hex_signatures(text: &str) -> Result<Self, SecretError> {
        match KeyText::read(text) {
            KeyText::Secret("") => Err(SecretError::Empty),
            KeyText::Secret(_) | KeyText::Bare(_) => hmac_key(text.trim_ascii().as_bytes())
                .map(Key::HexHmac)
                .map(Self::new),
            KeyText::Public(_) => Err(SecretError::PublicKey),
            KeyText::Private(_) => Err(SecretError::PrivateKey),
        }
    }

    /// Signs a delivery as the sender does, and returns the value of its `webhook-signature` or `svix-signature` header.
    ///
    /// `unix_seconds` is the value of the timestamp header, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`SignError::InvalidId`] for an id that receivers refuse: an empty one, one with bytes outside visible ASCII or
    /// with a full stop, or one with a space at an end. [`SignError::PublicKey`] for a public key, which can verify only.
    ///
    /// # Example
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let secret: tower_svix::Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
    /// let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#)?;
    /// assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    /// # Ok(())
    /// # }
    /// ```
    pub fn sign(&self, id: &str, unix_seconds: u64, body: &[u8]) -> Result<HeaderValue, SignError> {
        let (id, timestamp) = envelope::for_signing(id, unix_seconds)?;
        let start = |key: &HmacKey| {
            let mut state = key.start();
            for part in [id, b".", timestamp.as_bytes(), b".", body] {
                state.update(part);
            }
            state
        };
        let signature = match &*self.key {
            Key::Hmac(key) => start(key).element().as_str().to_owned(),
            Key::HexHmac(key) => format!("{},{}", hmac::VERSION, start(key).hex_tag().as_str()),
            #[cfg(feature = "ed25519")]
            Key::Ed25519(_) => return Err(SignError::PublicKey),
        };
        Ok(HeaderValue::try_from(signature)
            .expect("base64 and hexadecimal digits are visible ASCII"))
    }

    fn new(key: Key) -> Self {
        Self { key: Arc::new(key) }
    }

    /// Starts the `attempt`th pass over a delivery with this key, counted from 0, or returns `None` if none is left.
    ///
    /// A MAC is computed once, and not at all if no signature is listed that it could be compared with.
    pub(super) fn check(&self, envelope: &Envelope, attempt: usize) -> Option<Check> {
        match &*self.key {
            Key::Hmac(key) => {
                (envelope.lists_hmac && attempt == 0).then(|| Check::Hmac(key.start()))
            }
            Key::HexHmac(key) => {
                check::hex_signatures(envelope)
                    .next()
                    .filter(|_| attempt == 0)?;
                Some(Check::HexHmac(key.start()))
            }
            #[cfg(feature = "ed25519")]
            Key::Ed25519(key) => {
                let signature = check::ed25519_signatures(envelope).nth(attempt)?;
                Some(Check::Ed25519(key.start(signature)))
            }
        }
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        match KeyText::read(text) {
            KeyText::Secret(base64) => Self::from_bytes(&decode(base64)?),
            KeyText::Bare(base64) => Self::from_bytes(&decode_bare(base64)?),
            KeyText::Public(base64) => public_key_from(base64),
            KeyText::Private(_) => Err(SecretError::PrivateKey),
        }
    }
}

impl TryFrom<&str> for Secret {
    type Error = SecretError;

    fn try_from(text: &str) -> Result<Self, SecretError> {
        text.parse()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match &*self.key {
            Key::Hmac(_) => "HMAC-SHA256",
            Key::HexHmac(_) => "HMAC-SHA256 in hexadecimal digits",
            #[cfg(feature = "ed25519")]
            Key::Ed25519(_) => "ed25519",
        };
        write!(f, "Secret({scheme})")
    }
}

fn hmac_key(key: &[u8]) -> Result<HmacKey, SecretError> {
    if key.is_empty() {
        Err(SecretError::Empty)
    } else {
        Ok(HmacKey::new(key))
    }
}

#[cfg(feature = "ed25519")]
fn public_key_from(base64: &str) -> Result<Secret, SecretError> {
    PublicKey::new(&decode(base64)?)
        .map(Key::Ed25519)
        .map(Secret::new)
}

#[cfg(not(feature = "ed25519"))]
fn public_key_from(_: &str) -> Result<Secret, SecretError> {
    Err(SecretError::PublicKeyUnsupported)
}
