//! Keys, for the crate, for the reference, and for senders.

use std::fmt::Debug;

use arbitrary::Arbitrary;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use tower_svix::{KeyError, Secret, SigningKey, VerifyingKey};

use crate::encoding::{Encode, Text, encode_variant};
use crate::reference::{self, Key, base64_encode, hex, hmac_sha256};

/// A key that a sender and a receiver share, or a key pair.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub enum KeySpec {
    /// The bytes of an HMAC key.
    Bytes(Text),
    /// The text of a receiver's key, which may be invalid.
    Text(Text),
    /// A text that is the key, for signatures in hexadecimal digits.
    Hex(Text),
    /// The seed of an ed25519 key pair.
    Seed([u8; 32]),
}

impl Encode for KeySpec {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut variant = |index| encode_variant(index, 4, out);
        match self {
            Self::Bytes(bytes) => {
                variant(0);
                bytes.encode(out);
            }
            Self::Text(text) => {
                variant(1);
                text.encode(out);
            }
            Self::Hex(text) => {
                variant(2);
                text.encode(out);
            }
            Self::Seed(seed) => {
                variant(3);
                out.extend_from_slice(seed);
            }
        }
    }
}

impl KeySpec {
    /// Returns the receiver's key for the crate and for the reference, if it is valid. Panics if these two disagree.
    pub fn receiver(&self) -> Option<(VerifyingKey, Key)> {
        let (keyring, key) = match self {
            Self::Bytes(Text(bytes)) => (
                Secret::from_bytes(bytes).map(VerifyingKey::from),
                non_empty(bytes.clone()).map(Key::Hmac),
            ),
            Self::Text(text) => {
                let text = lossy(text);
                (text.parse(), Key::parse(&text))
            }
            Self::Hex(text) => {
                let text = lossy(text);
                let secret = Secret::text_key_with_hex_signatures(&text);
                (secret.map(VerifyingKey::from), hex_key(&text))
            }
            Self::Seed(seed) => {
                let text = public_text(&key_pair(seed));
                (text.parse(), Key::parse(&text))
            }
        };
        agree(keyring, key)
    }

    /// Returns the sender's key.
    pub fn sender(&self) -> Result<SigningKey, KeyError> {
        match self {
            Self::Bytes(Text(bytes)) => Secret::from_bytes(bytes).map(SigningKey::from),
            Self::Text(text) => lossy(text).parse(),
            Self::Hex(text) => {
                Secret::text_key_with_hex_signatures(&lossy(text)).map(SigningKey::from)
            }
            Self::Seed(seed) => private_text(seed).parse(),
        }
    }

    /// Returns the receiver's key as a text without separators, if it has one.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Bytes(Text(bytes)) => {
                // The bytes of a key may be short, or words. Its text may not.
                let text = format!("whsec_{}", base64_encode(bytes));
                (Key::parse(&text).is_ok() && !may_be_words(bytes)).then_some(text)
            }
            Self::Text(text) => Some(reference::trim(&lossy(text)).to_owned()),
            Self::Hex(_) => None,
            Self::Seed(seed) => Some(public_text(&key_pair(seed))),
        }
    }

    /// Returns the sender's element of the list of signatures, made without the crate. Returns `None` if this is no key
    /// of a sender.
    pub fn sign(&self, content: &[u8]) -> Option<String> {
        let mac = |key: &[u8]| format!("v1,{}", base64_encode(&hmac_sha256(key, content)));
        match self {
            Self::Bytes(Text(bytes)) => non_empty(bytes.clone()).ok().map(|key| mac(&key)),
            Self::Text(text) => match Key::parse(&lossy(text)) {
                Ok(Key::Hmac(key)) => Some(mac(&key)),
                _ => None,
            },
            Self::Hex(text) => match hex_key(&lossy(text)) {
                Ok(Key::HexHmac(key)) => Some(format!("v1,{}", hex(&hmac_sha256(&key, content)))),
                _ => None,
            },
            Self::Seed(seed) => Some(sign_ed25519(&key_pair(seed), content)),
        }
    }
}

/// Returns the text of a sender's ed25519 key.
pub fn private_text(seed: &[u8; 32]) -> String {
    let pair = key_pair(seed);
    let bytes = [seed, pair.public_key().as_ref()].concat();
    format!("whsk_{}", base64_encode(&bytes))
}

pub fn sign_ed25519(pair: &Ed25519KeyPair, content: &[u8]) -> String {
    format!("v1a,{}", base64_encode(pair.sign(content).as_ref()))
}

/// Checks that both sides agree on a text, and returns the result.
pub fn agree<K: Debug>(
    found: Result<K, KeyError>,
    expected: Result<Key, reference::KeyError>,
) -> Option<(K, Key)> {
    match (found, expected) {
        (Ok(found), Ok(key)) => Some((found, key)),
        // It is not a point on the curve, which the reference cannot check.
        (Err(KeyError::InvalidPublicKey), Ok(Key::Ed25519(_))) => None,
        // The reference knows no words, but it knows that a random key has more than letters.
        (Err(KeyError::Placeholder), Ok(Key::Hmac(key))) if may_be_words(&key) => None,
        // It does not know what a text that is the key looks like either.
        (Err(found), Ok(Key::HexHmac(_))) if is_copied_along(found) => None,
        (Err(found), Err(expected)) => {
            assert_same_error(found, expected);
            None
        }
        (found, expected) => panic!("parsed as {found:?}, expected {expected:?}"),
    }
}

fn is_copied_along(error: KeyError) -> bool {
    matches!(
        error,
        KeyError::Assignment
            | KeyError::Bearer
            | KeyError::Invisible
            | KeyError::List
            | KeyError::MisspelledPrefix
            | KeyError::Placeholder
            | KeyError::Quoted
    )
}

/// Checks that the crate rejects a text for the cause that the reference gives, or for a more exact one.
pub fn assert_same_error(found: KeyError, expected: reference::KeyError) {
    let is_copied_along = is_copied_along(found);
    let is_right = match expected {
        reference::KeyError::AllZero => found == KeyError::AllZero,
        reference::KeyError::Empty => found == KeyError::Empty,
        reference::KeyError::HexDigits | reference::KeyError::TooShort => {
            let expected = match expected {
                reference::KeyError::HexDigits => KeyError::HexDigits,
                _ => KeyError::TooShort,
            };
            [expected, KeyError::Placeholder].contains(&found)
        }
        reference::KeyError::NotBase64 => {
            is_copied_along
                || [
                    KeyError::ForeignPrefix,
                    KeyError::HexDigits,
                    KeyError::Incomplete,
                    KeyError::NotBase64,
                    KeyError::UrlSafe,
                ]
                .contains(&found)
        }
        reference::KeyError::Secret => {
            is_copied_along || [KeyError::Empty, KeyError::Secret].contains(&found)
        }
        reference::KeyError::PublicKey => found == KeyError::PublicKey,
        reference::KeyError::PrivateKey => found == KeyError::PrivateKey,
        reference::KeyError::InvalidPublicKey => found == KeyError::InvalidPublicKey,
        reference::KeyError::InvalidPrivateKey => found == KeyError::InvalidPrivateKey,
    };
    assert!(is_right, "{found:?}, expected {expected:?}");
}

/// Returns whether the base64 of a key has only letters, or only one character, before its last character, which has
/// unused bits.
fn may_be_words(key: &[u8]) -> bool {
    let base64 = base64_encode(key);
    let base64 = base64.trim_end_matches('=').as_bytes();
    let (first, rest) = (base64[0], &base64[..base64.len() - 1]);
    rest.iter().all(u8::is_ascii_alphabetic)
        || rest.iter().all(|byte| byte.eq_ignore_ascii_case(&first))
}

/// Returns the key of a text that is the key, as `Secret::text_key_with_hex_signatures` documents it.
pub fn hex_key(text: &str) -> Result<Key, reference::KeyError> {
    let (text, key) = (reference::trim(text), reference::unversioned(text));
    if key.starts_with("whpk_") {
        return Err(reference::KeyError::PublicKey);
    }
    if key.starts_with("whsk_") {
        return Err(reference::KeyError::PrivateKey);
    }
    let key = match key {
        "whsec_" => "",
        _ if key.starts_with("whsec_") => key,
        _ => text,
    };
    non_empty(key.into()).map(Key::HexHmac)
}

pub fn key_pair(seed: &[u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed")
}

pub fn public_text(pair: &Ed25519KeyPair) -> String {
    format!("whpk_{}", base64_encode(pair.public_key().as_ref()))
}

fn non_empty(key: Vec<u8>) -> Result<Vec<u8>, reference::KeyError> {
    if key.is_empty() {
        Err(reference::KeyError::Empty)
    } else {
        reference::non_zero(key)
    }
}

fn lossy(text: &Text) -> String {
    String::from_utf8_lossy(&text.0).into_owned()
}
