//! Mistakes with what is signed.

use super::delivery::{BODY, Delivery, ID, KEY, NOW, hex, mac, secret, v1};

#[test]
fn something_else_is_signed() {
    for (name, message, expected) in [
        ("the body alone", BODY.to_owned(), "scheme-body-alone"),
        ("no id", format!("{NOW}.{BODY}"), "scheme-timestamp-body"),
        (
            "exchanged",
            format!("{NOW}.{ID}.{BODY}"),
            "scheme-exchanged",
        ),
        (
            "no second separator",
            format!("{ID}.{NOW}{BODY}"),
            "scheme-separator",
        ),
        (
            "no first separator",
            format!("{ID}{NOW}.{BODY}"),
            "scheme-separator",
        ),
        (
            "no separators",
            format!("{ID}{NOW}{BODY}"),
            "scheme-separator",
        ),
    ] {
        let delivery = Delivery::new().signature(v1(KEY, message.as_bytes()));
        delivery.assert_found(name, &[expected]);
    }
}

#[test]
fn something_else_is_signed_with_the_text_of_the_key() {
    let text = secret();
    for (name, message, label, expected) in [
        (
            "as GitHub does it",
            BODY.to_owned(),
            "sha256=",
            "scheme-body-alone",
        ),
        (
            "as Stripe does it",
            format!("{NOW}.{BODY}"),
            "t=1700000000,v1=",
            "scheme-timestamp-body",
        ),
    ] {
        let signature = format!("{label}{}", hex(&mac(text.as_bytes(), message.as_bytes())));
        let delivery = Delivery::new().signature(signature);
        delivery.assert_found(name, &[expected, "key-text", "signature-hex"]);
    }
}
