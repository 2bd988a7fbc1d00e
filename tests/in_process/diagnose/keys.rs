//! Mistakes with keys and with the form of signatures.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

use super::delivery::{BODY, Delivery, KEY, hex, mac, message, secret, v1};

/// Returns a valid delivery of a sender with this key.
fn by(key: &[u8]) -> Delivery {
    Delivery::new().signature(v1(key, &message(BODY)))
}

#[test]
fn a_key_that_is_read_in_another_way() {
    let base64 = STANDARD.encode(KEY);
    let url_safe = URL_SAFE.encode(KEY);
    assert_ne!(base64, url_safe);
    let digits = hex(KEY);
    // The output of `Buffer.from(secret, "base64").toString("hex")` of Node.
    let by_node = "c21b1e73ffbefbe7137566432586b394c7a5234745977384e62fffff";
    let with_prefix: Vec<u8> = (0..by_node.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&by_node[at..at + 2], 16).expect("digits"))
        .collect();
    let polar = "polar_whs_0123456789abcdefghijklmnopqrstuv";
    let two = format!("whsec_{} {}", STANDARD.encode([9; 24]), secret());
    // Without padding, it has 41 base64 digits with its prefix. Node drops the last one.
    let unpadded = format!(
        "whsec_{}",
        STANDARD_NO_PAD.encode("abcdefghijklmnopqrstuvwxyz")
    );
    let without_last = URL_SAFE.decode(&unpadded[..40]).expect("base64");
    let cases: [(&str, Delivery, &[&str]); 12] = [
        ("its text", by(secret().as_bytes()), &["key-text"]),
        (
            "its text without a prefix",
            by(base64.as_bytes()),
            &["key-text-without-prefix"],
        ),
        (
            "a text that is no base64",
            by(polar.as_bytes()).keys(polar),
            &["key-text"],
        ),
        (
            "the text of the second key",
            by(secret().as_bytes()).keys(&two),
            &["key-text"],
        ),
        (
            "encoded twice",
            by(KEY).keys(STANDARD.encode(secret())),
            &["key-decoded-twice"],
        ),
        (
            "encoded twice, with a prefix",
            by(KEY).keys(format!("whsec_{}", STANDARD.encode(&base64))),
            &["key-decoded-twice"],
        ),
        (
            "URL-safe",
            by(KEY).keys(format!("whsec_{url_safe}")),
            &["key-url-safe-base64"],
        ),
        ("hexadecimal", by(KEY).keys(&digits), &["key-hex"]),
        (
            "hexadecimal in upper case",
            by(KEY).keys(format!("whsec_{}", digits.to_uppercase())),
            &["key-hex"],
        ),
        (
            "decoded with its prefix",
            by(&with_prefix),
            &["key-prefix-decoded"],
        ),
        (
            "decoded with its prefix, without the last digit",
            by(&without_last).keys(unpadded),
            &["key-prefix-decoded"],
        ),
        (
            "a text with a comma",
            by(b"correct horse, battery staple").keys("correct horse, battery staple"),
            &["key-text"],
        ),
    ];
    for (name, delivery, expected) in cases {
        delivery.assert_found(name, expected);
    }
}

#[test]
fn a_key_in_a_text_that_the_receiver_cannot_read() {
    let base64 = STANDARD.encode(KEY);
    let cases: [(&str, Delivery, &str); 7] = [
        (
            "the second of a list in JSON",
            by(KEY).keys(format!(
                r#"["whsec_{}","{}"]"#,
                STANDARD.encode([9; 24]),
                secret()
            )),
            "key-one-of-several",
        ),
        (
            "one of two without a prefix",
            by(KEY).keys(format!("{base64} {}", STANDARD.encode([9; 24]))),
            "key-one-of-several",
        ),
        (
            "in quotes",
            by(KEY).keys(format!("\"{}\"", secret())),
            "key-wrapped",
        ),
        (
            "with a name",
            by(KEY).keys(format!("SECRET={}", secret())),
            "key-wrapped",
        ),
        (
            "with `Bearer`",
            by(KEY).keys(format!("Bearer {}", secret())),
            "key-wrapped",
        ),
        (
            "too short",
            by(b"8 bytes!").keys(format!("whsec_{}", STANDARD.encode("8 bytes!"))),
            "key-rejected",
        ),
        (
            "base64 that looks like hexadecimal digits",
            by(&STANDARD
                .decode("0123456789abcdef0123456789abcdef")
                .expect("base64"))
            .keys("0123456789abcdef0123456789abcdef"),
            "key-rejected",
        ),
    ];
    for (name, delivery, expected) in cases {
        delivery.assert_found(name, &[expected]);
    }
}

#[test]
fn the_text_says_which_key_it_is() {
    let other = format!("whsec_{}", STANDARD.encode([9; 24]));
    for (name, key, keys, expected) in [
        ("the only one", secret(), secret(), "the text of the key as"),
        (
            "after a version",
            secret(),
            format!("v1,{}", secret()),
            "the text of the key as",
        ),
        (
            "the second",
            secret(),
            format!("{other} {}", secret()),
            "the text of key 2 of 2 as",
        ),
        (
            "the whole text",
            "correct horse, battery staple".to_owned(),
            "correct horse, battery staple".to_owned(),
            "the text of the key, with all white space and punctuation in it, as",
        ),
    ] {
        let text = by(key.as_bytes()).keys(keys).diagnose().to_string();
        assert!(text.contains(expected), "{name}: {text}");
    }
}

#[test]
fn a_text_of_more_than_4096_bytes_is_no_key() {
    let long = "correct horse, battery staple;".repeat(200);
    by(long.as_bytes()).keys(long).assert_found("whole", &[]);
}

#[test]
fn a_key_of_the_other_kind() {
    // The base point: a public key with a private key that everyone knows.
    let public = "whpk_WGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY=";
    let private = format!("whsk_{}", STANDARD.encode([7; 64]));
    let v1a = format!("v1a,{}", STANDARD.encode([7; 64]));
    for (name, delivery, expected) in [
        ("public", Delivery::new().keys(public), "key-ed25519"),
        ("private", Delivery::new().keys(private), "key-ed25519"),
        (
            "a secret",
            Delivery::new().signature(&v1a),
            "key-not-ed25519",
        ),
    ] {
        delivery.assert_found(name, &[expected]);
    }
    let both = Delivery::new().signature(format!("{v1a} {}", v1(b"another", b"")));
    both.assert_found("signatures of both kinds", &[]);
    let neither = Delivery::new().signature("v9,unknown");
    neither.assert_found("signatures of neither kind", &[]);
}

#[test]
fn a_signature_that_is_written_in_another_way() {
    // A body with a MAC that differs between the two alphabets.
    let body = (0..1000)
        .map(|number| format!("{{\"n\":{number}}}"))
        .find(|body| {
            let text = STANDARD.encode(mac(KEY, &message(body)));
            text.contains('+') && text.contains('/')
        })
        .expect("most have");
    let right = mac(KEY, &message(&body));
    let base64 = STANDARD.encode(right);
    let url_safe = URL_SAFE.encode(right);
    let text_mac = mac(secret().as_bytes(), &message(&body));
    let other = v1(b"another", b"");
    let cases: [(&str, String, &[&str]); 12] = [
        ("hex", hex(&right), &["signature-hex"]),
        (
            "hex with a version",
            format!("v1,{}", hex(&right)),
            &["signature-hex"],
        ),
        (
            "hex in upper case",
            format!("v1,{}", hex(&right).to_uppercase()),
            &["signature-hex"],
        ),
        (
            "hex of another version",
            format!("v2,{}", hex(&right)),
            &["signature-hex"],
        ),
        (
            "hex as GitHub writes it",
            format!("sha256={}", hex(&right)),
            &["signature-hex"],
        ),
        (
            "hex as Stripe writes it",
            format!("t=1700000000,v1={}", hex(&right)),
            &["signature-hex"],
        ),
        (
            "hex with the text as key, as in the samples of Pulse",
            hex(&text_mac),
            &["key-text", "signature-hex"],
        ),
        (
            "without padding",
            format!("v1,{}", STANDARD_NO_PAD.encode(right)),
            &["signature-form"],
        ),
        (
            "in the URL-safe alphabet",
            format!("v1,{url_safe}"),
            &["signature-form"],
        ),
        (
            "of another version",
            format!("v2,{base64}"),
            &["signature-form"],
        ),
        (
            "with an equals sign",
            format!("v1={base64}"),
            &["signature-form"],
        ),
        (
            "joined by a comma",
            format!("{other},v1,{base64}"),
            &["headers-joined"],
        ),
    ];
    for (name, list, expected) in cases {
        Delivery::signed(&body)
            .signature(list)
            .assert_found(name, expected);
    }
}
