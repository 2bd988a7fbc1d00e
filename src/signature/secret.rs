//! One key of a receiver, parsed from the text that the sender's portal shows.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderValue;
use zeroize::Zeroizing;

use super::envelope;
use super::error::{SecretError, SignError};
use super::hmac::{self, HmacKey, HmacState};

/// A key that deliveries are verified with.
///
/// Made from the text in the sender's portal, with [`str::parse`] or [`TryFrom`]: `whsec_` and base64, or the base64
/// alone. Surrounding white space is ignored, since secrets come out of files and shells, and so is missing padding.
///
/// The key schedule is done once, here; the text and the key itself are not kept. What is derived from them is wiped
/// when the secret is dropped, and never shown by `Debug`.
///
/// # Errors
///
/// Parsing fails with a [`SecretError`] for a text that is empty, not base64, or a key of another kind.
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
    key: HmacKey,
}

/// The secret is not attacker input, so it is read as leniently as the official libraries write it: padding may be
/// missing, and the last character may carry unused bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Secret {
    /// Uses `key` itself, of any length but zero, as the HMAC-SHA256 key.
    ///
    /// Standard Webhooks asks senders for 24 to 64 random bytes; a receiver cannot choose.
    ///
    /// # Errors
    ///
    /// [`SecretError::Empty`] if `key` is empty.
    pub fn from_bytes(key: &[u8]) -> Result<Self, SecretError> {
        if key.is_empty() {
            return Err(SecretError::Empty);
        }
        Ok(Self {
            key: HmacKey::new(key),
        })
    }

    /// Signs a delivery as the sender does, and returns the value of its `webhook-signature` or `svix-signature` header.
    ///
    /// `unix_seconds` is the value of the timestamp header, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`SignError::InvalidId`] for an id that receivers refuse: an empty one, one with bytes outside visible ASCII, or
    /// one with a full stop.
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
        if !envelope::is_valid_id(id.as_bytes()) {
            return Err(SignError::InvalidId);
        }
        let mut state = self.start(id.as_bytes(), unix_seconds.to_string().as_bytes());
        state.update(body);
        let signature = format!("{},{}", hmac::VERSION, state.finish().as_str());
        Ok(HeaderValue::try_from(signature).expect("base64 is visible ASCII"))
    }

    pub(super) fn start(&self, id: &[u8], timestamp: &[u8]) -> HmacState {
        self.key.start(id, timestamp)
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let text = text.trim_ascii();
        if text.starts_with("whpk_") {
            return Err(SecretError::PublicKey);
        }
        if text.starts_with("whsk_") {
            return Err(SecretError::PrivateKey);
        }
        let base64 = text.strip_prefix("whsec_").unwrap_or(text);
        let key = LENIENT.decode(base64).map_err(|_| SecretError::NotBase64)?;
        Self::from_bytes(&Zeroizing::new(key))
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
        f.debug_tuple("Secret").field(&self.key).finish()
    }
}
