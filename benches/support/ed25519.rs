//! Deliveries that are signed with ed25519.

use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use http::StatusCode;
use tower_svix::PublicKey;

use super::Case;

/// Returns a genuine delivery, and the check of its signature alone.
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

/// Returns a forged delivery with this number of signatures of another body. Each of them has to be tried.
pub(crate) fn forged(len: usize, listed: usize) -> Case {
    let (mut case, _) = genuine(len, super::WHOLE);
    let signature = SigningKey::from_bytes(&[7; 32]).sign(b"another body");
    list(&mut case, &signature.to_bytes(), listed);
    case
}

/// Returns the same with a point that no signature may have.
pub(crate) fn forged_of_small_order(len: usize, listed: usize) -> Case {
    let (mut case, _) = genuine(len, super::WHOLE);
    let mut signature = [0; 64];
    // The identity, compressed, and the scalar 1.
    signature[0] = 1;
    signature[32] = 1;
    list(&mut case, &signature, listed);
    case
}

fn list(case: &mut Case, signature: &[u8; 64], listed: usize) {
    let element = format!("v1a,{}", STANDARD.encode(signature));
    case.set_signatures(&vec![element; listed].join(" "));
    case.verdict = StatusCode::UNAUTHORIZED;
}
