//! What a key is, and what it signs.

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
    /// Signs in hexadecimal digits.
    HexHmac(Vec<u8>),
    Ed25519([u8; 32]),
}

/// Why a text is not the key that it was parsed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    Empty,
    NotBase64,
    TooShort,
    Secret,
    PublicKey,
    PrivateKey,
    InvalidPublicKey,
    InvalidPrivateKey,
}

impl Key {
    /// Reads one key of a receiver, of either kind, from the text that the sender's portal shows. Whether a public key is
    /// on the curve is left open.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if trim(text).starts_with("whpk_") {
            Self::parse_public(text)
        } else {
            Self::parse_secret(text)
        }
    }

    /// Reads a symmetric key.
    pub fn parse_secret(text: &str) -> Result<Self, KeyError> {
        let text = trim(text);
        if text.starts_with("whpk_") {
            return Err(KeyError::PublicKey);
        }
        if text.starts_with("whsk_") {
            return Err(KeyError::PrivateKey);
        }
        if let Some(base64) = text.strip_prefix("whsec_") {
            return Ok(Self::Hmac(non_empty(base64)?));
        }
        let key = non_empty(text)?;
        if key.len() < 8 {
            return Err(KeyError::TooShort);
        }
        Ok(Self::Hmac(key))
    }

    /// Reads a public key. Whether it is on the curve is left open.
    pub fn parse_public(text: &str) -> Result<Self, KeyError> {
        let text = trim(text);
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

    /// Whether a signature of the form that this key makes is in the list.
    pub(super) fn can_match(&self, list: &[u8]) -> bool {
        !signatures(list, self.scheme()).is_empty()
    }

    /// Whether one of the listed signatures is this key's signature of `content`.
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

/// The texts of the keys in a text of several.
pub fn parts(text: &str) -> Vec<&str> {
    let mut parts: Vec<_> = text
        .split([' ', '\t', '\n', '\r', '\x0c', ',', '|'])
        .collect();
    parts.retain(|part| !part.is_empty());
    parts
}

/// Whether the text of a key of a receiver says what it is.
pub fn has_prefix(part: &str) -> bool {
    ["whsec_", "whpk_", "whsk_"]
        .iter()
        .any(|prefix| part.starts_with(prefix))
}

/// Reads the private key of a sender.
pub fn parse_private(text: &str) -> Result<Ed25519KeyPair, KeyError> {
    let text = trim(text);
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

/// HMAC-SHA256, in one go.
pub fn hmac_sha256(key: &[u8], content: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, content).as_ref().to_vec()
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.collect()
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r', '\x0c'])
}

fn non_empty(base64: &str) -> Result<Vec<u8>, KeyError> {
    let key = decode(base64.as_bytes()).ok_or(KeyError::NotBase64)?;
    if key.is_empty() {
        Err(KeyError::Empty)
    } else {
        Ok(key)
    }
}
