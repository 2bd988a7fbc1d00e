//! Mistakes in deliveries that are signed with an ed25519 key.

use ed25519_dalek::Signer as _;
use tower_svix_tests::keys_ed25519::{element, private_text, public_text, sender};

use super::delivery::{BODY, Delivery, NOW, message, secret};

/// Returns a valid delivery of this body.
fn signed(body: &str) -> Delivery {
    let sender = sender(1);
    let signature = sender.sign(&message(body)).to_bytes();
    Delivery::signed(body)
        .keys(public_text(sender.verifying_key().as_bytes()))
        .signature(element(&signature))
}

#[test]
fn the_body_and_the_time_are_tried_with_a_public_key_too() {
    assert!(signed(BODY).diagnose().verdict().is_ok());
    for (name, delivery, expected) in [
        (
            "a newline",
            signed(&format!("{BODY}\n")).body(BODY),
            "body-newline-removed",
        ),
        (
            "JSON",
            signed("{\"a\": 1}").body("{\"a\":1}"),
            "body-json-reprinted",
        ),
        ("time", signed(BODY).now(NOW + 1000), "timestamp-old"),
    ] {
        delivery.assert_found(name, &[expected]);
    }
    signed(BODY).body("{}").assert_found("a forgery", &[]);
}

#[test]
fn a_receiver_with_keys_of_both_kinds_has_no_key_of_the_wrong_kind() {
    let both = format!("{} {}", secret(), signed(BODY).keys);
    let by_another = signed(BODY).signature(element(&[7; 64]));
    by_another.keys(both).assert_found("another key", &[]);
}

#[test]
fn a_private_key_that_the_receiver_should_not_have() {
    let delivery = signed(BODY).keys(private_text(&sender(1)));
    delivery.assert_found("private", &[]);
    let text = delivery.diagnose().to_string();
    assert!(text.contains("whpk_"), "{text}");
}
