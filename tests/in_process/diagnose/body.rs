//! Mistakes with the body, apart from JSON.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::delivery::{BODY, Delivery, codes};

#[test]
fn newlines_and_byte_order_marks() {
    let cases: [(&str, &[u8], &[u8], &str); 12] = [
        ("a newline added", b"a b", b"a b\n", "body-newline-added"),
        ("CRLF added", b"a b", b"a b\r\n", "body-newline-added"),
        (
            "one of two newlines removed",
            b"a b\n\n",
            b"a b\n",
            "body-newline-removed",
        ),
        (
            "a newline removed",
            b"a b\n",
            b"a b",
            "body-newline-removed",
        ),
        ("CRLF removed", b"a b\r\n", b"a b", "body-newline-removed"),
        ("all that there was", b"\n", b"", "body-newline-removed"),
        ("LF became CRLF", b"a\nb\n", b"a\r\nb\r\n", "body-crlf"),
        ("CRLF became LF", b"a\r\nb\r\n", b"a\nb\n", "body-lf"),
        ("some CRLF became LF", b"a\r\nb\r\n", b"a\r\nb\n", "body-lf"),
        ("a mark added", b"{}", b"\xef\xbb\xbf{}", "body-bom-added"),
        (
            "a mark removed",
            b"\xef\xbb\xbf{}",
            b"{}",
            "body-bom-removed",
        ),
        (
            "a mark before nothing",
            b"",
            b"\xef\xbb\xbf",
            "body-bom-added",
        ),
    ];
    for (name, signed, received, expected) in cases {
        Delivery::signed(signed)
            .body(received)
            .assert_found(name, &[expected]);
    }
}

/// [`SIGNED`], compressed with `zlib` of Node.
const COMPRESSED: [(&str, &str); 4] = [
    (
        "gzip",
        "H4sIAAAAAAAAA6tWKqksSFWyUsrKT9JLzs8tyEktSU1R0lFKSSxJVLKqBonHZ6YoWSkZKuko5eWXgNQmkgGUamsBPn+UmmwAAAA=",
    ),
    (
        "deflate (zlib)",
        "eJyrViqpLEhVslLKyk/SS87PLchJLUlNUdJRSkksSVSyqgaJx2emKFkpGSrpKOXll4DUJpIBlGprAcCeJZE=",
    ),
    (
        "deflate (raw)",
        "q1YqqSxIVbJSyspP0kvOzy3ISS1JTVHSUUpJLElUsqoGicdnpihZKRkq6Sjl5ZeA1CaSAZRqawE=",
    ),
    (
        "br",
        "G2sAaCwO7NYe702oqPD0XTDla5E9OrEZlvbWMWFkalKHpa9FXL7CeMCJbpHSnFInA2zAaRjI/CvnjZ/bh+RTyAqApVhTew==",
    ),
];
const SIGNED: &str = r#"{"type":"job.completed","data":{"job_id":"1","note":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}"#;

#[test]
fn a_body_that_was_compressed_after_it_was_signed() {
    for (name, base64) in COMPRESSED {
        let body = STANDARD.decode(base64).expect("base64");
        let delivery = Delivery::signed(SIGNED).body(&body);
        delivery.assert_found(name, &["body-compressed"]);
        let encoding = name.split(' ').next().unwrap_or_default();
        let text = delivery.diagnose().to_string();
        assert!(text.contains(&format!("({encoding})")), "{text}");

        // A body that was compressed before it was signed is valid without decompression.
        let genuine = Delivery::signed(&body).diagnose();
        assert!(genuine.verdict().is_ok(), "{name}");
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("a `Vec` takes any bytes");
    encoder.finish().expect("a `Vec` takes any bytes")
}

#[test]
fn a_compressed_body_counts_if_it_is_whole_and_at_most_8_mib_long() {
    const MAX_LEN: usize = 8 << 20;
    let longest = vec![b'a'; MAX_LEN];
    let too_long = vec![b'a'; MAX_LEN + 1];
    let whole = gzip(SIGNED.as_bytes());
    // All of the text can be read, and the checksum after it is missing.
    let without_its_end = &whole[..whole.len() - 8];
    for (name, signed, received, expected) in [
        (
            "8 MiB",
            &longest[..],
            &gzip(&longest)[..],
            &["body-compressed"][..],
        ),
        ("the first 8 MiB", &longest, &gzip(&too_long), &[]),
        ("without its end", SIGNED.as_bytes(), without_its_end, &[]),
    ] {
        let delivery = Delivery::signed(signed).body(received);
        delivery.assert_found(name, expected);
    }
}

#[test]
fn a_body_that_something_encoded_in_base64() {
    let base64 = STANDARD.encode(BODY);
    for (name, received) in [
        ("as it is", base64.clone()),
        ("with a newline", format!("{base64}\n")),
        ("as a string of JSON", format!("\"{base64}\"")),
    ] {
        let delivery = Delivery::new().body(received);
        delivery.assert_found(name, &["body-base64"]);
    }
    for (name, base64) in COMPRESSED {
        let delivery = Delivery::signed(SIGNED).body(base64);
        delivery.assert_found(&format!("base64 of {name}"), &["body-base64"]);
    }
}

#[test]
fn a_body_whose_bytes_were_replaced() {
    let latin1 = b"{\"name\":\"Zo\xeb\"}";
    let text = "{\"name\":\"Zo\u{fffd}\"}";
    let sent_as_text = Delivery::signed(latin1).body(text);
    sent_as_text.assert_found("the receiver replaced", &["body-utf8-replaced"]);
    let suspicions = sent_as_text.diagnose();
    assert_eq!(codes(suspicions.suspicions()), ["replacement-characters"]);

    let signed_as_text = Delivery::signed(text).body(latin1);
    signed_as_text.assert_found("the sender replaced", &["body-utf8-replaced"]);

    // In a longer body, the bytes that U+FFFD may have replaced are not tried.
    for (len, found) in [
        (64 << 10, &["body-utf8-replaced"] as &[&str]),
        ((64 << 10) + 1, &[]),
    ] {
        let rest = "a".repeat(len - "\u{fffd}".len());
        Delivery::signed([rest.as_bytes(), b"\xeb"].concat())
            .body(format!("{rest}\u{fffd}"))
            .assert_found(&format!("{len} bytes"), found);
    }
}

#[test]
fn what_is_merely_suspicious() {
    let forged = Delivery::new().body("{}");
    let cases: [(&str, Delivery, &[&str]); 13] = [
        ("nothing", forged.clone(), &[]),
        (
            "gzip",
            forged.clone().header("content-encoding", "gzip"),
            &["content-encoding"],
        ),
        (
            "identity",
            forged.clone().header("content-encoding", "identity"),
            &[],
        ),
        (
            "another length",
            forged.clone().header("content-length", "47"),
            &["content-length"],
        ),
        (
            "the right length",
            forged.clone().header("content-length", "2"),
            &[],
        ),
        (
            "a placeholder",
            forged.clone().keys("your_webhook_secret_here"),
            &["key-placeholder"],
        ),
        (
            "with a prefix",
            forged.clone().keys("whsec_yourSigningSecretGoesHere"),
            &["key-placeholder"],
        ),
        (
            "dots",
            forged.clone().keys("whsec_..."),
            &["key-placeholder"],
        ),
        (
            "an unset variable",
            forged.clone().keys("${WEBHOOK_SECRET}"),
            &["key-placeholder"],
        ),
        (
            "a random text with a word in it",
            forged.clone().keys("yourABCDEFGHIJKLMNOPQRSTUV012345"),
            &[],
        ),
        (
            "three times one letter",
            forged.clone().keys("whsec_aaa"),
            &["key-placeholder"],
        ),
        ("two times one letter", forged.clone().keys("whsec_aa"), &[]),
        (
            "one letter",
            forged.keys("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            &["key-placeholder"],
        ),
    ];
    for (name, delivery, expected) in cases {
        delivery.assert_found(name, &[]);
        assert_eq!(codes(delivery.diagnose().suspicions()), expected, "{name}");
    }
}
