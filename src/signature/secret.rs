//! A symmetric key, parsed from the text that the sender's portal shows.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderValue;

use super::check::Check;
use super::error::{KeyError, SignError};
use super::headers;
use super::hmac::{self, HmacKey};
use super::key_text::{KeyText, decode, decode_bare};
use super::list::Form;

/// An HMAC-SHA256 key, which the sender and the receiver share: it verifies and signs.
///
/// Made from the text in the sender's portal, `whsec_` and base64 or base64 alone, with [`str::parse`].
/// Surrounding white space is ignored, since secrets come out of files and shells, and so is missing padding.
///
/// The key schedule is done once, here; the text and the key itself are not kept. What is derived from them is wiped
/// when the secret is dropped, and never shown by `Debug`.
///
/// # Errors
///
/// Parsing fails with a [`KeyError`] for a text that is empty, not base64, or a key of another kind.
///
/// # Example
///
/// ```
/// use tower_svix::{KeyError, Secret};
///
/// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n".parse()?;
/// assert_eq!(format!("{secret:?}"), "Secret(HMAC-SHA256)");
///
/// assert_eq!("whsec_".parse::<Secret>().unwrap_err(), KeyError::Empty);
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone)]
pub struct Secret {
    /// Shared, so that the key stays in one place in memory, where it is wiped in the end.
    key: Arc<HmacKey>,
    encoding: Encoding,
}

/// How a signature writes the MAC.
#[derive(Clone, Copy)]
enum Encoding {
    Base64,
    Hex,
}

impl Secret {
    /// Uses `key` itself, of any length but zero, as the HMAC-SHA256 key.
    ///
    /// Standard Webhooks asks senders for 24 to 64 random bytes; a receiver cannot choose.
    ///
    /// # Errors
    ///
    /// [`KeyError::Empty`] if `key` is empty.
    pub fn from_bytes(key: &[u8]) -> Result<Self, KeyError> {
        Self::new(key, Encoding::Base64)
    }

    /// Uses the text of the secret itself, prefix and all, as the HMAC-SHA256 key, and expects the signature in
    /// hexadecimal digits, with a version (`v1,5257a8…`) or without.
    ///
    /// That is what the sample handlers in Pulse's documentation compute. What Svix sends is another thing: it decodes
    /// the secret from base64 and writes the signature in base64, so those handlers reject every delivery of Svix, and a
    /// secret made here does as well. Use it only for a sender that was written to fit such a handler, and
    /// [parse](str::parse) the secret for any other.
    ///
    /// Surrounding white space is ignored.
    ///
    /// # Errors
    ///
    /// [`KeyError::Empty`] if there is nothing else, or nothing but `whsec_`. [`KeyError::PublicKey`] and
    /// [`KeyError::PrivateKey`] for the text of an ed25519 key.
    ///
    /// # Example
    ///
    /// ```
    /// use tower_svix::Secret;
    ///
    /// let secret = Secret::text_key_with_hex_signatures("your_webhook_secret_here")?;
    /// # Ok::<(), tower_svix::KeyError>(())
    /// ```
    pub fn text_key_with_hex_signatures(text: &str) -> Result<Self, KeyError> {
        match KeyText::read(text) {
            KeyText::Secret("") => Err(KeyError::Empty),
            KeyText::Secret(_) | KeyText::Bare(_) => {
                Self::new(text.trim_ascii().as_bytes(), Encoding::Hex)
            }
            KeyText::Public(_) => Err(KeyError::PublicKey),
            KeyText::Private(_) => Err(KeyError::PrivateKey),
        }
    }

    /// Signs a delivery as the sender does, and returns an element of its `webhook-signature` or `svix-signature` header.
    ///
    /// `unix_seconds` is the value of the timestamp header, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`SignError::InvalidId`] for an id that receivers reject: an empty one, one with bytes outside visible ASCII or
    /// with a full stop, or one with a space at an end.
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
        let (id, timestamp) = headers::for_signing(id, unix_seconds)?;
        let mut mac = self.key.start();
        for part in [id, b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        let element = match self.encoding {
            Encoding::Base64 => format!("{},{}", hmac::VERSION, mac.base64_tag().as_str()),
            Encoding::Hex => format!("{},{}", hmac::VERSION, mac.hex_tag().as_str()),
        };
        Ok(
            HeaderValue::try_from(element)
                .expect("base64 and hexadecimal digits are visible ASCII"),
        )
    }

    fn new(key: &[u8], encoding: Encoding) -> Result<Self, KeyError> {
        if key.is_empty() {
            return Err(KeyError::Empty);
        }
        let key = Arc::new(HmacKey::new(key));
        Ok(Self { key, encoding })
    }

    /// The form of the signatures that are made with this key.
    #[inline]
    pub(super) fn form(&self) -> Form {
        match self.encoding {
            Encoding::Base64 => Form::Hmac,
            Encoding::Hex => Form::HexHmac,
        }
    }

    /// Starts the MAC of a delivery.
    #[inline]
    pub(super) fn start(&self) -> Check {
        let state = self.key.start();
        match self.encoding {
            Encoding::Base64 => Check::Hmac(state),
            Encoding::Hex => Check::HexHmac(state),
        }
    }
}

impl FromStr for Secret {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        match KeyText::read(text) {
            KeyText::Secret(base64) => Self::from_bytes(&decode(base64)?),
            KeyText::Bare(base64) => Self::from_bytes(&decode_bare(base64)?),
            KeyText::Public(_) => Err(KeyError::PublicKey),
            KeyText::Private(_) => Err(KeyError::PrivateKey),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.encoding {
            Encoding::Base64 => "Secret(HMAC-SHA256)",
            Encoding::Hex => "Secret(HMAC-SHA256 in hexadecimal digits)",
        })
    }
}
