//! Why a text or bytes are not a key.

use std::error::Error;
use std::fmt;

/// Why a text is not the key that it was parsed as: what it looks like, and what to do.
///
/// The text is never repeated, by `Display` or by `Debug`. Both write the same sentence, so that it is what a `main` that
/// returns the error prints.
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
    /// There is no key: the text is empty, or nothing but a prefix. Everyone could sign with an empty key.
    Empty,
    /// All bytes of the key are zero. HMAC fills keys up with zeros: it is the same as the empty key.
    AllZero,
    /// The text stands for a key that someone was to fill in, such as `whsec_test`, `whsec_xxxxxxxx` or `null`, or its end
    /// is left out (`whsec_C2FV…`).
    Placeholder,
    /// The key has less than 16 bytes: more likely a word, or a part of a secret, than a secret.
    /// [`Secret::from_bytes`](crate::Secret::from_bytes) takes keys of any length.
    TooShort,
    /// The text has quotes around it.
    Quoted,
    /// The text is an assignment, such as `WEBHOOK_SECRET=whsec_…`.
    Assignment,
    /// The text is an `Authorization` header, or its value: `Bearer …`.
    Bearer,
    /// The text has a character that cannot be seen: a control character, a space of another alphabet, or one of those that
    /// only direct how text is shown. It came along from a page or a file.
    Invisible,
    /// The text is several keys, where one is needed: a [`Keyring`](crate::Keyring) takes them, or
    /// [`Secret::from_text`](crate::Secret::from_text) each line, if the text is the key itself.
    List,
    /// One of several keys has no prefix, `whsec_` or `whpk_`: it may be a word, or half of a secret.
    NoPrefix,
    /// The prefix is written in another way, such as `WHSEC_…` or `whsec-…`, or twice.
    MisspelledPrefix,
    /// The text has a prefix of another kind, such as `polar_whs_…`. Some senders use the whole text as the key:
    /// [`Secret::from_text`](crate::Secret::from_text).
    ForeignPrefix,
    /// The text is hexadecimal digits without a prefix. They are base64 as well, but rarely meant so:
    /// [`Secret::from_text`](crate::Secret::from_text) uses the digits as the key.
    HexDigits,
    /// The text is base64 in the alphabet for URLs, with `-` and `_`.
    UrlSafe,
    /// The text is base64 with one character too many, or too few.
    Incomplete,
    /// What follows the optional prefix is not base64 in the standard alphabet, for no other cause that is known.
    NotBase64,
    /// The text is a secret, where an ed25519 key is needed.
    Secret,
    /// The text is a public ed25519 key (`whpk_…`), where a secret one is needed: it cannot sign, and everyone knows it.
    PublicKey,
    /// The text is a private ed25519 key (`whsk_…`), which belongs to the sender alone.
    PrivateKey,
    /// The text is an ed25519 key, and the feature `ed25519` is off.
    Ed25519Unsupported,
    /// The text is a public ed25519 key (`whpk_…`), but not of 32 bytes that encode a point fit for a key.
    InvalidPublicKey,
    /// The text is a private ed25519 key (`whsk_…`), but not of 64 bytes of which the last 32 are the public key.
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
