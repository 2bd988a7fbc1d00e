//! The reasons why a text or bytes are not a key.

use std::error::Error;
use std::fmt;

/// The reason why a text is not the key that it was parsed as.
///
/// It is an error of configuration, never of a request: print it when the program starts, and stop. Its text says what
/// the key looks like and what to do. Each variant below says the same.
///
/// Neither `Display` nor `Debug` repeats the key. Both write the same sentence, which is therefore also what a `main`
/// that returns the error prints.
///
/// # Example
///
/// ```
/// use tower_svix::{KeyError, Secret};
///
/// let error = "WHSEC_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse::<Secret>().unwrap_err();
/// assert_eq!(error, KeyError::MisspelledPrefix);
/// assert_eq!(
///     format!("{error:?}"),
///     "the prefix of the key is misspelled or doubled: write `whsec_`, `whpk_` or `whsk_` once, in small letters and with an underscore",
/// );
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is empty, or only a prefix. Anyone could sign with an empty key.
    ///
    /// Use the text that the sender's portal shows.
    Empty,
    /// All bytes of the key are zero, so that anyone could sign with it. HMAC fills short keys up with zeros: up to 64
    /// zero bytes are the same as the empty key.
    ///
    /// Make a new key.
    AllZero,
    /// The text is a placeholder, such as `whsec_test`, `whsec_xxxxxxxx` or `null`, or its end is left out
    /// (`whsec_C2FV…`).
    ///
    /// Use the whole text that the sender's portal shows.
    Placeholder,
    /// The key is shorter than 16 bytes. It is more likely a word, or a part of a secret, than a secret.
    ///
    /// If it is the key, use [`Secret::from_bytes`](crate::Secret::from_bytes), which takes keys of any length.
    TooShort,
    /// The text has quotes around it.
    ///
    /// Remove them.
    Quoted,
    /// The text is an assignment, such as `WEBHOOK_SECRET=whsec_…`.
    ///
    /// Keep only the value, without quotes.
    Assignment,
    /// The text is an `Authorization` header or its value: `Bearer …`.
    ///
    /// Use the secret that the sender's portal shows for this endpoint.
    Bearer,
    /// The text contains an invisible character: a control character, white space other than a plain space, or a
    /// character that only formats text. It was copied along from a page or a file.
    ///
    /// Copy the key from another place, or type it.
    Invisible,
    /// The text contains several keys where one is needed.
    ///
    /// Parse it as a [`Keyring`](crate::Keyring). If each text is the key itself, pass each line to
    /// [`Secret::from_text`](crate::Secret::from_text).
    List,
    /// One of several keys has no prefix, `whsec_` or `whpk_`. It may be a stray word, or half of a secret.
    ///
    /// Write each key with its prefix, and in one piece.
    NoPrefix,
    /// The prefix is misspelled, such as `WHSEC_…` or `whsec-…`, or doubled.
    ///
    /// Write `whsec_`, `whpk_` or `whsk_` once, in small letters and with an underscore.
    MisspelledPrefix,
    /// The text has a prefix that Standard Webhooks does not define, such as `polar_whs_…`.
    ///
    /// If the sender uses the whole text as the key, use [`Secret::from_text`](crate::Secret::from_text).
    ForeignPrefix,
    /// The text is hexadecimal digits without a prefix. They are also base64, but rarely meant as such.
    ///
    /// If the sender uses the digits as the key, use [`Secret::from_text`](crate::Secret::from_text). If they are
    /// base64, put `whsec_` before them.
    HexDigits,
    /// The text is base64 in the alphabet for URLs, with `-` and `_`.
    ///
    /// If the sender decodes it, write `+` for `-` and `/` for `_`. If the sender uses the whole text as the key, use
    /// [`Secret::from_text`](crate::Secret::from_text).
    UrlSafe,
    /// The text is base64 with one character too many or too few.
    ///
    /// Copy it again, from its first character to its last.
    Incomplete,
    /// The text after the optional prefix is not base64 in the standard alphabet, and no other variant describes it.
    ///
    /// Use the text that the sender's portal shows. If the sender uses the whole text as the key, use
    /// [`Secret::from_text`](crate::Secret::from_text).
    NotBase64,
    /// The text is a secret, where an ed25519 key (`whpk_…` or `whsk_…`) is needed.
    ///
    /// Parse it as a [`Secret`](crate::Secret).
    Secret,
    /// The text is a public ed25519 key (`whpk_…`), where a secret or private key is needed. It cannot sign, and it is
    /// not secret.
    ///
    /// To verify with it, parse it as a `PublicKey` or a [`Keyring`](crate::Keyring).
    PublicKey,
    /// The text is a private ed25519 key (`whsk_…`), which only the sender should have.
    ///
    /// A sender parses it as a [`SigningKey`](crate::SigningKey). A receiver needs the public key (`whpk_…`).
    PrivateKey,
    /// The text is an ed25519 key (`whpk_…` or `whsk_…`), and the feature `ed25519` is off.
    ///
    /// Enable the feature.
    Ed25519Unsupported,
    /// The text is a public ed25519 key (`whpk_…`), but its bytes are not 32 bytes that encode an acceptable point.
    ///
    /// Copy it again.
    InvalidPublicKey,
    /// The text is a private ed25519 key (`whsk_…`), but its bytes are not a key pair: 64 bytes, of which the last 32
    /// are the public key.
    ///
    /// Copy it again.
    InvalidPrivateKey,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the key is empty: set it to what the sender's portal shows",
            Self::AllZero => "all bytes of the key are zero, so that everyone can sign with it: make a new one",
            Self::Placeholder => {
                "the key is a placeholder, or its end is left out: set it to the whole text that the sender's portal shows"
            }
            Self::TooShort => {
                "the key is shorter than 16 bytes: is it a secret, and all of it? `Secret::from_bytes` takes shorter ones"
            }
            Self::Quoted => "the key has quotes around it: take them away",
            Self::Assignment => {
                "the key is an assignment (`NAME=value`): give only the value, without quotes"
            }
            Self::Bearer => {
                "the key is an `Authorization` header or its value (`Bearer …`): give the secret that the portal shows for \
                 this endpoint, and nothing before it"
            }
            Self::Invisible => {
                "the key has a character in it that cannot be seen, such as a line break: copy it from another place, or type it"
            }
            Self::List => {
                "the key is several keys, where one is needed: parse them as a `Keyring`, each with its prefix; if each text \
                 is the key itself, give each line to `Secret::from_text`"
            }
            Self::NoPrefix => {
                "one of several keys has no prefix (`whsec_` or `whpk_`): is it a key, and is none of them split in two?"
            }
            Self::MisspelledPrefix => {
                "the prefix of the key is misspelled or doubled: write `whsec_`, `whpk_` or `whsk_` once, in small letters \
                 and with an underscore"
            }
            Self::ForeignPrefix => {
                "the key has a prefix that is not of Standard Webhooks: if the sender uses the whole text as the key, \
                 as Polar did, read it with `Secret::from_text`"
            }
            Self::HexDigits => {
                "the key is hexadecimal digits without a prefix: if the sender uses the digits as the key, read them with \
                 `Secret::from_text`; if they are base64, put `whsec_` before them"
            }
            Self::UrlSafe => {
                "the key is URL-safe base64: if the sender decodes it, write `+` for `-` and `/` for `_`; if the sender \
                 uses the whole text as the key, read it with `Secret::from_text`"
            }
            Self::Incomplete => {
                "the key has one character too many or too few for base64: copy it again, from its first character to its \
                 last"
            }
            Self::NotBase64 => {
                "the key is not base64: expected a prefix such as `whsec_` and base64 in the standard alphabet, as the \
                 sender's portal shows it; if the sender uses the whole text as the key, read it with `Secret::from_text`"
            }
            Self::Secret => "the key is a secret, where an ed25519 key (`whpk_` or `whsk_`) is needed",
            Self::PublicKey => {
                "the key is a public key (`whpk_`), which cannot sign: to verify with it, parse it as a `PublicKey` or \
                 a `Keyring`"
            }
            Self::PrivateKey => {
                "the key is a private key (`whsk_`): a sender parses it as a `SigningKey`, and a receiver needs the \
                 public key (`whpk_`)"
            }
            Self::Ed25519Unsupported => {
                "the key is an ed25519 key (`whpk_` or `whsk_`): to use it, enable the feature `ed25519`"
            }
            Self::InvalidPublicKey => "the key is a public ed25519 key (`whpk_`), but not a valid one",
            Self::InvalidPrivateKey => "the key is a private ed25519 key (`whsk_`), but not a valid one",
        })
    }
}

impl fmt::Debug for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for KeyError {}
