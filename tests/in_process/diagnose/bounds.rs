//! The findings for valid and forged deliveries, and the maximum cost of a diagnosis.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};
use tower_svix::VerifyError;
use tower_svix::diagnose::{Diagnosis, Failure, Work};

use super::delivery::{BODY, Delivery, ID, NOW, codes, secret, v1};
use super::silence::assert_silent;

#[test]
fn a_genuine_delivery_has_no_finding_whatever_is_suspicious() {
    let delivery = Delivery::signed("{\"a\": \"\u{fffd}\"}\r\n")
        .header("content-encoding", "gzip")
        .header("content-length", "1");
    let diagnosis = delivery.diagnose();
    let event = diagnosis.verdict().expect("it is genuine");
    assert_eq!(event.id(), ID);
    assert!(diagnosis.findings().is_empty());
    assert!(diagnosis.suspicions().is_empty());
    assert_eq!(diagnosis.work(), Work::default());
    assert_eq!(diagnosis.to_string(), "The delivery is genuine.");
}

#[test]
fn the_tolerance_is_the_receivers() {
    let delivery = Delivery::new().now(NOW + 1000);
    let headers = delivery.header_map();
    let examination = Diagnosis::of(&delivery.keys, &headers, &delivery.body);
    assert!(examination.at(NOW + 1000).verdict().is_err());
    let patient = examination.tolerance(Duration::from_secs(1000));
    assert!(patient.at(NOW + 1000).verdict().is_ok());
    let shown = format!("{patient:?}");
    assert!(!shown.contains("whsec_") && !shown.contains(ID), "{shown}");
}

#[test]
fn the_report_of_a_forgery_says_that_nothing_explains_it() {
    let text = Delivery::new().body("{}").diagnose().to_string();
    assert_eq!(
        text,
        "Rejected (signature-mismatch): no listed signature matches the body under one of the keys.\n\
         Nothing usual explains it: the secret is another one than the sender's, or the body was changed."
    );
}

#[test]
fn the_report_of_a_mistake_says_what_it_is_and_what_to_do() {
    let delivery = Delivery::new()
        .body(format!("{BODY}\n"))
        .header("content-length", "1");
    assert_eq!(
        delivery.diagnose().to_string(),
        "Rejected (signature-mismatch): no listed signature matches the body under one of the keys.\n\
         Found (body-newline-added): The delivery verifies without the newline at the end of the body: it was added after \
         the body was signed.\n  \
         Verify the bytes as they arrive. If the body was saved to a file, let the editor add no newline.\n\
         Suspicious (content-length): The `content-length` is 1, and the body has 47 bytes: it is not the one that was \
         sent.\n  \
         Look for what changed the body after it arrived, or for what cut it."
    );
}

#[test]
fn the_verdict_is_that_of_the_verifier() {
    let none = Delivery {
        headers: Vec::new(),
        ..Delivery::new()
    };
    let mismatch = Delivery::new().body("{}");
    for (name, delivery, expected) in [
        ("no headers", none, VerifyError::NoHeaders),
        ("another body", mismatch, VerifyError::SignatureMismatch),
    ] {
        let diagnosis = delivery.diagnose();
        assert_eq!(
            diagnosis.verdict().unwrap_err(),
            &Failure::Delivery(expected),
            "{name}"
        );
        assert!(diagnosis.findings().is_empty(), "{name}: {diagnosis}");
    }
    let no_key = Delivery::new().keys("").diagnose();
    assert_eq!(no_key.verdict().unwrap_err().code(), "keys-invalid");
    assert_eq!(
        no_key.to_string(),
        "Rejected (keys-invalid): the key is empty: set it to what the sender's portal shows.\n\
         Until the keys can be read, nothing verifies."
    );
}

/// Asserts the bound that [`Work`] documents.
#[track_caller]
fn assert_bounded(diagnosis: &Diagnosis) {
    let work = diagnosis.work();
    assert!(work.macs <= Work::MAX_MACS, "{work:?}");
    assert!(work.bytes <= Work::MAX_BYTES, "{work:?}");
}

#[test]
fn an_ordinary_forgery_is_cheap_and_all_is_tried() {
    let body = r#"{"type":"invoice.paid","price":12.5,"name":"Zoë <b>&co</b>","n":[1,2,3]}"#;
    let work = Delivery::new().body(body).diagnose().work();
    assert!(!work.is_limited, "{work:?}");
    assert!((100..800).contains(&work.macs), "{work:?}");
}

#[test]
fn a_hostile_delivery_costs_no_more_than_the_bound() {
    let many_keys: Vec<String> = (1..200_u8)
        .map(|number| format!("whsec_{}", STANDARD.encode([number; 24])))
        .collect();
    let numbers = |count| format!("[{}1]", "\"é/<\",1000,2.0,".repeat(count)).into_bytes();
    let string = |len: usize| format!("[\"{}\"]", "a".repeat(len - 4)).into_bytes();
    let nested = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let many_signatures = vec![v1(b"x", b""); 2_000].join(" ");
    // 64 MiB of zeros, compressed with `zlib` of Node.
    let bomb = STANDARD.decode("y///P/gnAOKxQCD3/o///3/wTwDEYRGA7v0f////4J8AiMMCAN37P/7//8E/ARCHBQC693/8//+DfwIgDgsAdO//+P//B/8EQBwWAOje//H//w/+CYA4LADQvf/L//8//BMAcVgAoHv/Bw==");
    let bomb = bomb.expect("base64");
    for (name, keys, body, is_limited) in [
        ("many numbers", secret(), numbers(500), false),
        ("long JSON", secret(), numbers(18_000), true),
        ("256 KiB of JSON", secret(), string(256 << 10), false),
        ("a byte more", secret(), string((256 << 10) + 1), true),
        ("many keys", many_keys.join(" "), numbers(3), true),
        ("deep", secret(), b"[".repeat(100_000), false),
        ("nested", secret(), nested.into_bytes(), false),
        (
            "replaced",
            secret(),
            "\u{fffd}".repeat(10_000).into_bytes(),
            false,
        ),
        ("newlines", secret(), b"\r\n".repeat(10_000), false),
        ("large", secret(), vec![b'a'; 9 << 20], true),
        ("bomb", secret(), bomb, false),
    ] {
        let delivery = Delivery::new()
            .keys(keys)
            .body(&body)
            .signature(&many_signatures);
        let diagnosis = delivery.diagnose();
        assert_bounded(&diagnosis);
        assert!(diagnosis.findings().is_empty(), "{name}");
        assert_eq!(
            diagnosis.work().is_limited,
            is_limited,
            "{name}: {:?}",
            diagnosis.work()
        );
        let says_so = diagnosis.to_string().contains("Not everything was tried");
        assert_eq!(says_so, is_limited, "{name}");
    }
}

proptest! {
    #[test]
    fn a_random_forgery_has_no_finding(
        key in vec(any::<u8>(), 16..64),
        body in prop_oneof![vec(any::<u8>(), 0..300), json()],
        signatures in vec(vec(any::<u8>(), 32), 1..4),
    ) {
        let list: Vec<_> = signatures.iter().map(|mac| format!("v1,{}", STANDARD.encode(mac))).collect();
        let delivery = Delivery::signed(&body)
            .keys(format!("whsec_{}", STANDARD.encode(&key)))
            .signature(list.join(" "));
        let diagnosis = delivery.diagnose();
        prop_assert!(diagnosis.verdict().is_err());
        prop_assert_eq!(codes(diagnosis.findings()), Vec::<&str>::new());
        assert_bounded(&diagnosis);
        assert_silent("a forgery", &delivery, &diagnosis);
    }

    #[test]
    fn nothing_makes_it_panic(
        keys in prop_oneof![".{0,80}", "(whsec_|whpk_|whsk_|v1,)?[A-Za-z0-9+/=_ ,|-]{0,80}", Just(secret())],
        headers in vec((name(), vec(any::<u8>(), 0..80)), 0..8),
        body in prop_oneof![vec(any::<u8>(), 0..200), json(), json_like()],
        now in prop_oneof![any::<u64>(), Just(NOW)],
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                map.append(HeaderName::from_static(name), value);
            }
        }
        let diagnosis = Diagnosis::of(&keys, &map, &body).at(now);
        assert_bounded(&diagnosis);
        prop_assert!(!diagnosis.to_string().is_empty());
    }

    #[test]
    fn a_timestamp_of_any_text_is_no_panic(timestamp in "[ -~]{0,30}|[0-9]{1,25}(\\.[0-9]{0,5})?|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|\\+00:00|é)", now in any::<u64>()) {
        let delivery = Delivery::new().now(now);
        let mut headers = delivery.header_map();
        let value = HeaderValue::from_bytes(timestamp.as_bytes());
        headers.insert("webhook-timestamp", value.expect("no control character"));
        let diagnosis = Diagnosis::of(&delivery.keys, &headers, &delivery.body).at(now);
        assert_bounded(&diagnosis);
    }
}

fn name() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("webhook-id"),
        Just("webhook-timestamp"),
        Just("webhook-signature"),
        Just("svix-id"),
        Just("svix-timestamp"),
        Just("svix-signature"),
        Just("x-id"),
        Just("x-timestamp"),
        Just("x-signature"),
        Just("signature"),
        Just("content-length"),
        Just("content-encoding"),
    ]
}

/// A JSON document.
fn json() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("JSON has no other numbers", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        any::<String>().prop_map(|text| serde_json::to_string(&text).expect("a text is JSON")),
    ];
    let node = leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            vec(inner, 0..4).prop_map(|items| {
                let members: Vec<_> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| format!("\"{}\": {item}", 9 - index))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    });
    node.prop_map(String::into_bytes)
}

/// The characters of JSON in any order.
fn json_like() -> impl Strategy<Value = Vec<u8>> {
    "[\\[\\]{}\",:0-9eE+.\\\\u \n-]{0,60}".prop_map(String::into_bytes)
}
