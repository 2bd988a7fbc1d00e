//! A sender, written from the specification with only the crates `hmac` and `sha2`.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A sender with its HMAC key.
#[derive(Clone)]
pub struct Sender {
    key: Vec<u8>,
}

impl Sender {
    pub fn with_key(key: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into() }
    }

    /// Returns the sender that has this secret, in the form that a portal shows.
    pub fn with_secret(text: &str) -> Self {
        let text = text.trim();
        let base64 = text.strip_prefix("whsec_").unwrap_or(text);
        Self::with_key(BASE64.decode(base64).expect("a secret is base64"))
    }

    /// Returns the receiver's secret, in the form that a portal shows.
    pub fn secret(&self) -> String {
        format!("whsec_{}", BASE64.encode(&self.key))
    }

    /// Returns one element of the list of signatures: `v1,` and the MAC.
    pub fn sign(&self, id: &[u8], timestamp: &[u8], body: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key)
            .expect("HMAC takes keys of any length")
            .chain_update([id, b".", timestamp, b"."].concat())
            .chain_update(body)
            .finalize();
        format!("v1,{}", BASE64.encode(mac.as_bytes()))
    }

    /// Returns the `webhook-*` headers of a delivery.
    pub fn headers(&self, id: &str, unix_seconds: u64, body: &[u8]) -> HeaderMap {
        let timestamp = unix_seconds.to_string();
        let signature = self.sign(id.as_bytes(), timestamp.as_bytes(), body);
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("webhook-id", id),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signature),
        ] {
            headers.insert(name, HeaderValue::from_str(value).expect("visible ASCII"));
        }
        headers
    }
}

/// Returns whether `element` of a list of signatures is valid for this delivery. `secret` is the text of the key.
pub fn is_genuine(secret: &str, element: &[u8], id: &[u8], timestamp: &[u8], body: &[u8]) -> bool {
    let Some(public_key) = secret.strip_prefix("whpk_") else {
        let expected = Sender::with_secret(secret).sign(id, timestamp, body);
        return element == expected.as_bytes();
    };
    let Some(signature) = element.strip_prefix(b"v1a,") else {
        return false;
    };
    let public_key = BASE64.decode(public_key).expect("a key is base64");
    let public_key = VerifyingKey::try_from(&public_key[..]).expect("a point");
    let signature = BASE64.decode(signature).expect("a signature is base64");
    let signature = Signature::from_slice(&signature).expect("64 bytes");
    let message = [id, b".", timestamp, b".", body].concat();
    public_key.verify_strict(&message, &signature).is_ok()
}
