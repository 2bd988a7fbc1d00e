//! Deliveries that are signed with ed25519.

use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use tower_svix::PublicKey;

use super::Case;

/// A genuine delivery, and the check of its signature alone.
pub(crate) fn genuine(len: usize, frame: usize) -> (Case, impl FnMut()) {
    let private = SigningKey::from_bytes(&[7; 32]);
    let public = private.verifying_key();
    let mut case = Case::genuine(len, frame);
    let signed = case.signed_bytes();
    let signature = private.sign(&signed);
    let text = format!("v1a,{}", STANDARD.encode(signature.to_bytes()));
    case.set_signatures(&text);
    let text = format!("whpk_{}", STANDARD.encode(public));
    let key: PublicKey = text.parse().unwrap();
    case.layer = super::layer(key);
    let bare = move || {
        let verdict = public.verify_strict(black_box(&signed), &signature);
        verdict.unwrap();
    };
    (case, bare)
}
