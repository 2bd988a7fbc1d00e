//! Keys, and the signatures that they make.

use ring::hmac;
use ring::signature::Ed25519KeyPair;

use super::base64::{decode, decode_strictly, encode};
use super::ed25519;
use super::headers::{Scheme, signatures};

/// How many `v1a` signatures are tried with each public key.
const TRIED: usize = 11;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Hmac(Vec<u8>),
    /// A key that signs in hexadecimal digits.
    HexHmac(Vec<u8>),
    Ed25519([u8; 32]),
}

/// Why a text is not a key of the expected kind. The crate also says what a text that is not base64 looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    AllZero,
    Empty,
    HexDigits,
    NotBase64,
    TooShort,
    Secret,
    PublicKey,
    PrivateKey,
    InvalidPublicKey,
    InvalidPrivateKey,
}

impl Key {
    /// Reads one key of a receiver, of either kind, from the text that the sender's portal shows. Does not check
    /// whether a public key is on the curve.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if unversioned(text).starts_with("whpk_") {
            Self::parse_public(text)
        } else {
            Self::parse_secret(text)
        }
    }

    /// Reads a symmetric key.
    pub fn parse_secret(text: &str) -> Result<Self, KeyError> {
        let text = unversioned(text);
        if text.starts_with("whpk_") {
            return Err(KeyError::PublicKey);
        }
        if text.starts_with("whsk_") {
            return Err(KeyError::PrivateKey);
        }
        let base64 = text.strip_prefix("whsec_");
        let key = non_zero(non_empty(base64.unwrap_or(text))?)?;
        if base64.is_none() && is_hex(text) {
            return Err(KeyError::HexDigits);
        }
        if key.len() < 16 {
            return Err(KeyError::TooShort);
        }
        Ok(Self::Hmac(key))
    }

    /// Reads a public key. Does not check whether it is on the curve.
    pub fn parse_public(text: &str) -> Result<Self, KeyError> {
        let text = unversioned(text);
        if text.starts_with("whsk_") {
            return Err(KeyError::PrivateKey);
        }
        let base64 = text.strip_prefix("whpk_").ok_or(KeyError::Secret)?;
        let key = non_empty(base64)?;
        let key = key.try_into().map_err(|_| KeyError::InvalidPublicKey)?;
        if ed25519::may_be_key(&key) {
            Ok(Self::Ed25519(key))
        } else {
            Err(KeyError::InvalidPublicKey)
        }
    }

    /// Returns whether the list has a signature of the form that this key makes.
    pub(super) fn can_match(&self, list: &[u8]) -> bool {
        !signatures(list, self.scheme()).is_empty()
    }

    /// Returns whether one of the listed signatures is this key's signature of `content`.
    pub(super) fn made_one_of(&self, list: &[u8], content: &[u8]) -> bool {
        let signatures = signatures(list, self.scheme());
        match self {
            Self::Hmac(key) => {
                let expected = encode(&hmac_sha256(key, content));
                signatures.contains(&expected.as_bytes())
            }
            Self::HexHmac(key) => {
                let expected = hex(&hmac_sha256(key, content));
                signatures.contains(&expected.as_bytes())
            }
            Self::Ed25519(key) => signatures
                .into_iter()
                .take(TRIED)
                .filter_map(decode_strictly)
                .any(|signature| ed25519::verify(key, content, &signature)),
        }
    }

    fn scheme(&self) -> Scheme {
        match self {
            Self::Hmac(_) => Scheme::Hmac,
            Self::HexHmac(_) => Scheme::HexHmac,
            Self::Ed25519(_) => Scheme::Ed25519,
        }
    }
}

/// Returns the texts of the keys in a text of several.
pub fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, character) in text.char_indices() {
        if !is_space(character) && character != ',' && character != '|' {
            continue;
        }
        // The comma of `v1,whsec_…` is inside a key.
        let rest = &text[at + character.len_utf8()..];
        let is_key = |prefix: &str| {
            let start = rest.as_bytes().get(..prefix.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        let is_version = character == ','
            && matches!(&text[start..at], "v1" | "v1a")
            && ["whsec_", "whpk_", "whsk_"].into_iter().any(is_key);
        if !is_version {
            parts.push(&text[start..at]);
            start = at + character.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// Returns whether the text of a receiver's key has a prefix.
pub fn has_prefix(part: &str) -> bool {
    ["whsec_", "whpk_", "whsk_"]
        .iter()
        .any(|prefix| unversioned(part).starts_with(prefix))
}

/// Reads the private key of a sender.
pub fn parse_private(text: &str) -> Result<Ed25519KeyPair, KeyError> {
    let text = unversioned(text);
    if text.starts_with("whpk_") {
        return Err(KeyError::PublicKey);
    }
    let base64 = text.strip_prefix("whsk_").ok_or(KeyError::Secret)?;
    let bytes = non_empty(base64)?;
    let (seed, public) = bytes
        .split_at_checked(32)
        .ok_or(KeyError::InvalidPrivateKey)?;
    Ed25519KeyPair::from_seed_and_public_key(seed, public).map_err(|_| KeyError::InvalidPrivateKey)
}

/// Returns the HMAC-SHA256 of all bytes at once.
pub fn hmac_sha256(key: &[u8], content: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, content).as_ref().to_vec()
}

/// Returns lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.collect()
}

/// Removes what may be around the text of a key.
pub fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

fn is_space(character: char) -> bool {
    character.is_whitespace() || "\u{200b}\u{2060}\u{feff}".contains(character)
}

/// Removes the version that may be before the prefix of a key.
pub fn unversioned(text: &str) -> &str {
    let text = trim(text);
    match text.split_once(',') {
        Some(("v1", key)) if key.starts_with("whsec_") => key,
        Some(("v1a", key)) if key.starts_with("whpk_") || key.starts_with("whsk_") => key,
        _ => text,
    }
}

/// Returns whether a text is hexadecimal digits, such as a hash, which are base64 by accident.
fn is_hex(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Rejects a key of zeros, which everyone has.
pub fn non_zero(key: Vec<u8>) -> Result<Vec<u8>, KeyError> {
    if key.iter().any(|byte| *byte != 0) {
        Ok(key)
    } else {
        Err(KeyError::AllZero)
    }
}

fn non_empty(base64: &str) -> Result<Vec<u8>, KeyError> {
    let key = decode(base64.as_bytes()).ok_or(KeyError::NotBase64)?;
    if key.is_empty() {
        Err(KeyError::Empty)
    } else {
        Ok(key)
    }
}
