//! The errors for ed25519 keys without the feature.
#![cfg(not(feature = "ed25519"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use futures_util::FutureExt as _;
use tower_svix::{KeyError, Keyring, Rejection, Secret, SigningKey, SvixVerifyLayer, VerifyError};
use tower_svix_tests::clock::At;
use tower_svix_tests::keys::{Case, NOW, answer, request, secret, sender, signature};

#[test]
fn an_ed25519_key_is_an_error_that_names_the_feature() {
    let public = Case::named("asym-published-svix").secret;
    let private = Case::named("asym-key-whsk-given-to-verifier").secret;

    let unsupported = public.parse::<Keyring>().unwrap_err();
    assert_eq!(unsupported, KeyError::Ed25519Unsupported);
    assert!(unsupported.to_string().contains("`whpk_`"), "{unsupported}");
    assert!(
        unsupported.to_string().contains("feature `ed25519`"),
        "{unsupported}"
    );

    let unsupported = private.parse::<SigningKey>().unwrap_err();
    assert_eq!(unsupported, KeyError::Ed25519Unsupported);
    assert!(unsupported.to_string().contains("`whsk_`"), "{unsupported}");
    assert!(
        unsupported.to_string().contains("feature `ed25519`"),
        "{unsupported}"
    );

    // A private key in place of a secret has this error with and without the feature.
    assert_eq!(private.parse::<Secret>().unwrap_err(), KeyError::PrivateKey);
    assert_eq!(public.parse::<Secret>().unwrap_err(), KeyError::PublicKey);
    assert_eq!(
        public.parse::<SigningKey>().unwrap_err(),
        KeyError::PublicKey
    );
}

#[test]
fn an_ed25519_signature_is_passed_over() {
    let hmac = sender(1);
    let v1a = format!("v1a,{}==", "A".repeat(86));
    let layer = SvixVerifyLayer::new(secret(&hmac)).clock(At(NOW));
    let both = format!("{v1a} {}", signature(&hmac));
    let answered = |signatures: &str| {
        let answer = answer(&layer, request("/", signatures)).now_or_never();
        answer.expect("nothing in it waits")
    };
    answered(&both).accepted();
    let unsupported = Rejection::Unverified(VerifyError::NoSupportedSignature);
    assert_eq!(answered(&v1a).rejection, Some(unsupported));
}
