//! A sender with an ed25519 key, made with `ed25519-dalek` alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use curve25519_dalek::Scalar;
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sha2::Sha512;
use tower_svix::PublicKey;

use crate::keys::{BODY, ID, NOW};

/// Returns a sender with its own key.
pub fn sender(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

/// Returns the public key as a portal shows it.
pub fn public_text(point: &[u8]) -> String {
    format!("whpk_{}", STANDARD.encode(point))
}

/// Returns the private key as a sender stores it.
pub fn private_text(sender: &SigningKey) -> String {
    format!("whsk_{}", STANDARD.encode(sender.to_keypair_bytes()))
}

/// Returns the receiver's form of the key.
pub fn public_key(sender: &SigningKey) -> PublicKey {
    let text = public_text(sender.verifying_key().as_bytes());
    text.parse().expect("a public key")
}

/// Returns the bytes that the signature covers when `body` is sent as [`ID`] at [`NOW`].
pub fn message(body: &[u8]) -> Vec<u8> {
    [format!("{ID}.{NOW}.").as_bytes(), body].concat()
}

/// Returns a signature as an element of the list.
pub fn element(signature: &[u8]) -> String {
    format!("v1a,{}", STANDARD.encode(signature))
}

/// Returns the element that `sender` makes for [`BODY`], sent as [`ID`] at [`NOW`].
pub fn signature(sender: &SigningKey) -> String {
    element(&sender.sign(&message(BODY)).to_bytes())
}

/// Returns the base point of the curve as a public key, and a signature. Its private key is 1, which everyone knows.
pub fn base_point_with_signature() -> (PublicKey, String) {
    let key = ExpandedSecretKey {
        scalar: Scalar::ONE,
        hash_prefix: [7; 32],
    };
    let public = VerifyingKey::from(&key);
    let signature = raw_sign::<Sha512>(&key, &message(BODY), &public);
    let key = public_text(public.as_bytes()).parse();
    (key.expect("a public key"), element(&signature.to_bytes()))
}
