//! A symmetric key, parsed from the text that the sender's portal shows.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderValue;

use super::bytes::{self, MIN_SECRET_LEN};
use super::error::KeyError;
use super::looks;
use super::text::{self, KeyText, Role};
use crate::signature::check::Check;
use crate::signature::error::SignError;
use crate::signature::headers;
use crate::signature::hmac::{self, HmacKey};
use crate::signature::list::Form;
use crate::stack;

/// An HMAC-SHA256 key, shared by the sender and the receiver. It verifies and signs.
///
/// Parse it from the text that the sender's portal shows:
///
/// ```
/// use tower_svix::Secret;
///
/// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// # Ok::<(), tower_svix::KeyError>(())
/// ```
///
/// Unicode white space, a byte order mark and zero-width spaces around the text are ignored, because secrets are copied
/// from files, shells and web pages. Padding may be missing. With the feature `serde`, a secret is deserialised from a
/// string in the same way.
///
/// The key schedule is computed once, when the secret is created; the text and the key itself are not kept. What is
/// derived from them is wiped when the secret is dropped, and `Debug` never shows it.
///
/// # Which method reads which text
///
/// The sender decides what its text means:
///
/// | Text | Who shows it | Read it with |
/// | --- | --- | --- |
/// | `whsec_` and base64 | Svix, Standard Webhooks, Polar since 8 September 2026 | [`str::parse`] |
/// | base64 alone | some portals of the same kind | [`str::parse`] |
/// | `v1,whsec_` and base64 | Supabase | [`str::parse`] |
/// | several of these | Supabase (`v1,whsec_…\|v1,whsec_…`), a rotation | [`str::parse`] as a [`Keyring`](crate::Keyring) |
/// | any text that is the key itself, such as `polar_whs_…` | Polar before 8 September 2026, AhaSend, Increase | [`from_text`](Self::from_text) |
/// | hexadecimal digits, whose text is the key | Composio | [`from_text`](Self::from_text) |
/// | any text, for a sender that writes signatures in hexadecimal digits | senders that follow Pulse's sample handlers | [`text_key_with_hex_signatures`](Self::text_key_with_hex_signatures) |
///
/// For everything else, use [`from_bytes`](Self::from_bytes).
///
/// # Errors
///
/// Parsing returns a [`KeyError`] for a text that is not base64, a key of another kind, a placeholder, all zero, or
/// shorter than 16 bytes. The error says what the text looks like and what to do, and never repeats it.
///
/// Hexadecimal digits without a prefix are also base64, but they are rejected: decoded as base64, the digits of
/// Composio would make a key that verifies no delivery. If they are base64, put `whsec_` before them.
///
/// # Examples
///
/// ```
/// use tower_svix::{KeyError, Secret};
///
/// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n".parse()?;
/// assert_eq!(format!("{secret:?}"), "Secret(HMAC-SHA256)");
///
/// let from_supabase: Secret = "v1,whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
///
/// assert_eq!("whsec_".parse::<Secret>().unwrap_err(), KeyError::Empty);
/// # Ok::<(), KeyError>(())
/// ```
#[doc(alias = "whsec")]
#[doc(alias = "signing secret")]
#[doc(alias = "webhook secret")]
#[derive(Clone)]
pub struct Secret {
    /// Shared, so that the key stays in one place in memory, where it is finally wiped.
    key: Arc<HmacKey>,
    encoding: Encoding,
}

/// How a signature encodes the MAC.
#[derive(Clone, Copy)]
enum Encoding {
    Base64,
    Hex,
}

impl Secret {
    /// Creates a secret from the bytes of the HMAC-SHA256 key, of any length.
    ///
    /// Standard Webhooks asks senders for 24 to 64 random bytes. A receiver has no choice, so no length is enforced.
    ///
    /// # Errors
    ///
    /// Returns [`KeyError::Empty`] if `key` is empty, and [`KeyError::AllZero`] if all its bytes are zero, whatever
    /// their number: up to 64 zero bytes are the same key as none, and more are a forger's first guess.
    ///
    /// # Example
    ///
    /// ```
    /// use tower_svix::{KeyError, Secret};
    ///
    /// let secret = Secret::from_bytes(b"0123456789abcdef01234567")?;
    ///
    /// assert_eq!(Secret::from_bytes(&[0; 24]).unwrap_err(), KeyError::AllZero);
    /// # Ok::<(), KeyError>(())
    /// ```
    pub fn from_bytes(key: &[u8]) -> Result<Self, KeyError> {
        Self::new(key, Encoding::Base64)
    }

    /// Creates a secret whose HMAC-SHA256 key is the text itself, including its prefix.
    ///
    /// Some senders use the text in this way, contrary to Standard Webhooks: [Polar] with the secrets that it made
    /// before 8 September 2026 (`polar_whs_…` and `whsec_…`), AhaSend (`aha-whsec-…`), Composio (64 hexadecimal digits)
    /// and Increase. For any other sender, [parse](str::parse) the text.
    ///
    /// White space around the text is ignored, as [`str::parse`] ignores it, and so is `v1,` before `whsec_`.
    ///
    /// [Polar]: https://github.com/polarsource/polar/pull/14117
    ///
    /// # Errors
    ///
    /// Returns a [`KeyError`] for a text that is empty, a placeholder, shorter than 16 bytes, several keys or lines, or
    /// an ed25519 key, and for one that was copied with something that is not part of the key: quotes, `NAME=`,
    /// `Bearer`, or invisible characters. A text is several keys if two of its parts begin alike, up to a `-` or `_`.
    ///
    /// # Examples
    ///
    /// ```
    /// use tower_svix::Secret;
    ///
    /// let secret = Secret::from_text("polar_whs_0123456789abcdefghijklmnopqrstuv")?;
    /// # Ok::<(), tower_svix::KeyError>(())
    /// ```
    ///
    /// A secret of Polar with `whsec_` and 43 characters can be of either kind: the old ones consist of letters and
    /// digits, which are also base64 without padding. While you do not know which it is, or while both are in use, put
    /// both readings into a [`Keyring`](crate::Keyring):
    ///
    /// ```
    /// use tower_svix::{Keyring, Secret, SvixVerifyLayer};
    ///
    /// # fn main() -> Result<(), tower_svix::KeyError> {
    /// let text = "whsec_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    /// let keyring = Keyring::from([text.parse()?, Secret::from_text(text)?]);
    /// let layer = SvixVerifyLayer::new(keyring);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "polar")]
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let key = KeyText::read(text);
        let whole = text_key(&key)?;
        if looks::is_placeholder(key.base64) {
            Err(KeyError::Placeholder)
        } else if whole.len() < MIN_SECRET_LEN {
            Err(KeyError::TooShort)
        } else {
            Self::new(whole.as_bytes(), Encoding::Base64)
        }
    }

    /// Creates a secret whose HMAC-SHA256 key is the text itself, including its prefix, and whose signatures are in
    /// hexadecimal digits, with a version (`v1,5257a8…`) or without.
    ///
    /// The sample handlers in Pulse's documentation compute such signatures. Svix computes others: it decodes the
    /// secret from base64 and writes the signature in base64. Therefore those handlers reject every delivery of Svix,
    /// and so does a secret that is created here. Use it only for a sender that was written to match such a handler.
    /// For any other sender, [parse](str::parse) the text.
    ///
    /// White space around the text is ignored, as [`from_text`](Self::from_text) ignores it. The text may be short or a
    /// placeholder.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`from_text`](Self::from_text), except for a text that is short or a placeholder.
    ///
    /// # Example
    ///
    /// ```
    /// use tower_svix::Secret;
    ///
    /// let secret = Secret::text_key_with_hex_signatures("your_webhook_secret_here")?;
    /// # Ok::<(), tower_svix::KeyError>(())
    /// ```
    #[doc(alias = "hex")]
    pub fn text_key_with_hex_signatures(text: &str) -> Result<Self, KeyError> {
        let key = KeyText::read(text);
        Self::new(text_key(&key)?.as_bytes(), Encoding::Hex)
    }

    /// Signs a delivery, and returns one element of its `webhook-signature` or `svix-signature` header.
    ///
    /// `unix_seconds` is the value of the timestamp header, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// Returns [`SignError::InvalidId`] for an id that receivers reject: one that is empty, has bytes outside visible
    /// ASCII or a full stop, or has a space at either end.
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
        let element = self.element([id, b".", timestamp.as_bytes(), b".", body]);
        stack::wipe();
        Ok(
            HeaderValue::try_from(element)
                .expect("base64 and hexadecimal digits are visible ASCII"),
        )
    }

    /// Returns the element of a list that signs these parts. Not inlined, because the caller [wipes](stack::wipe) the
    /// stack afterwards.
    #[inline(never)]
    fn element(&self, parts: [&[u8]; 5]) -> String {
        let mut mac = self.key.start();
        for part in parts {
            mac.update(part);
        }
        match self.encoding {
            Encoding::Base64 => format!("{},{}", hmac::VERSION, mac.base64_tag().as_str()),
            Encoding::Hex => format!("{},{}", hmac::VERSION, mac.hex_tag().as_str()),
        }
    }

    fn new(key: &[u8], encoding: Encoding) -> Result<Self, KeyError> {
        if key.is_empty() {
            return Err(KeyError::Empty);
        }
        if bytes::is_all_zero(key) {
            return Err(KeyError::AllZero);
        }
        let key = Self::schedule(key);
        stack::wipe();
        Ok(Self { key, encoding })
    }

    /// Not inlined, for the same reason as [`element`](Self::element).
    #[inline(never)]
    fn schedule(key: &[u8]) -> Arc<HmacKey> {
        Arc::new(HmacKey::new(key))
    }

    /// Returns the form of the signatures that this key makes.
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

/// Returns the text that is the key itself. The version that a dashboard puts before `whsec_` is not part of the key.
fn text_key<'t>(key: &KeyText<'t>) -> Result<&'t str, KeyError> {
    let (version, text) = key.whole.split_at(text::version_len(key.whole));
    match key.role {
        Role::Secret => {}
        Role::Bare if version.is_empty() => {}
        Role::Bare => return Err(KeyError::MisspelledPrefix),
        Role::Public => return Err(KeyError::PublicKey),
        Role::Private => return Err(KeyError::PrivateKey),
    }
    if key.base64.is_empty() {
        Err(KeyError::Empty)
    } else if bytes::is_all_zero(text.as_bytes()) {
        Err(KeyError::AllZero)
    } else if let Some(error) = looks::is_no_text_key(key.whole) {
        Err(error)
    } else {
        Ok(text)
    }
}

impl FromStr for Secret {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let key = KeyText::read(text);
        match key.role {
            Role::Secret | Role::Bare => Self::from_bytes(&bytes::decode_secret(&key)?),
            Role::Public => Err(KeyError::PublicKey),
            Role::Private => Err(KeyError::PrivateKey),
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
