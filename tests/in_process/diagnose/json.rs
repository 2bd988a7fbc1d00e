//! JSON that was parsed and printed again between the sender and the receiver.

use proptest::collection::{hash_map, vec};
use proptest::prelude::{Just, Strategy, any};
use proptest::{prop_assert_eq, prop_oneof, proptest};
use serde_json::Value;

use super::delivery::{Delivery, codes};

/// One document, printed by `json.dumps` of Python 3, `JSON.stringify` of Node, and others.
const PRINTED: [(&str, &str); 8] = [
    (
        "Python",
        r#"{"type": "invoice.paid", "price": 12.5, "zip": "x/y", "name": "Zo\u00eb <b>&co</b> \ud83d\ude00", "n": [], "o": {}, "deep": {"b": [1, 2, 3], "a": null}}"#,
    ),
    (
        "Python, separators=(',', ':')",
        r#"{"type":"invoice.paid","price":12.5,"zip":"x/y","name":"Zo\u00eb <b>&co</b> \ud83d\ude00","n":[],"o":{},"deep":{"b":[1,2,3],"a":null}}"#,
    ),
    (
        "Python, ensure_ascii=False",
        r#"{"type": "invoice.paid", "price": 12.5, "zip": "x/y", "name": "Zoë <b>&co</b> 😀", "n": [], "o": {}, "deep": {"b": [1, 2, 3], "a": null}}"#,
    ),
    (
        "Python, indent=4",
        "{\n    \"type\": \"invoice.paid\",\n    \"price\": 12.5,\n    \"zip\": \"x/y\",\n    \"name\": \"Zo\\u00eb <b>&co</b> \\ud83d\\ude00\",\n    \"n\": [],\n    \"o\": {},\n    \"deep\": {\n        \"b\": [\n            1,\n            2,\n            3\n        ],\n        \"a\": null\n    }\n}",
    ),
    (
        "Node",
        r#"{"type":"invoice.paid","price":12.5,"zip":"x/y","name":"Zoë <b>&co</b> 😀","n":[],"o":{},"deep":{"b":[1,2,3],"a":null}}"#,
    ),
    (
        "Node, indented by 2",
        "{\n  \"type\": \"invoice.paid\",\n  \"price\": 12.5,\n  \"zip\": \"x/y\",\n  \"name\": \"Zoë <b>&co</b> 😀\",\n  \"n\": [],\n  \"o\": {},\n  \"deep\": {\n    \"b\": [\n      1,\n      2,\n      3\n    ],\n    \"a\": null\n  }\n}",
    ),
    // Taken from their documentation.
    (
        "PHP",
        r#"{"type":"invoice.paid","price":12.5,"zip":"x\/y","name":"Zo\u00eb <b>&co<\/b> \ud83d\ude00","n":[],"o":{},"deep":{"b":[1,2,3],"a":null}}"#,
    ),
    (
        "Go",
        r#"{"type":"invoice.paid","price":12.5,"zip":"x/y","name":"Zoë \u003cb\u003e\u0026co\u003c/b\u003e 😀","n":[],"o":{},"deep":{"b":[1,2,3],"a":null}}"#,
    ),
];

#[test]
fn whatever_printed_it_and_whatever_printed_it_anew() {
    for (signer, signed) in PRINTED {
        for (printer, received) in PRINTED {
            let name = format!("{signer}, printed anew by {printer}");
            let delivery = Delivery::signed(signed).body(received);
            if signed == received {
                assert!(delivery.diagnose().verdict().is_ok(), "{name}");
            } else {
                delivery.assert_found(&name, &["body-json-reprinted"]);
            }
        }
    }
}

#[test]
fn the_order_of_keys() {
    for (name, signed, received) in [
        (
            "Python, sort_keys=True",
            r#"{"a": {"B": 1, "b": 2}, "z": []}"#,
            r#"{"z":[],"a":{"b":2,"B":1}}"#,
        ),
        (
            "Go",
            r#"{"a":1,"b":{"c":2,"d":3}}"#,
            r#"{"b":{"d":3,"c":2},"a":1}"#,
        ),
        (
            "sorted on its way",
            r#"{"type":"x","timestamp":"y","data":{"a":1}}"#,
            r#"{"data":{"a":1},"timestamp":"y","type":"x"}"#,
        ),
        (
            "the envelope of Standard Webhooks, and no order within",
            r#"{"type":"x","data":{"data":1,"type":2}}"#,
            r#"{"data":{"data":1,"type":2},"type":"x"}"#,
        ),
        (
            "sorted on its way, with spaces",
            r#"{"type":"x","data":{"a":1}}"#,
            r#"{"data": {"a": 1}, "type": "x"}"#,
        ),
        (
            "a key twice",
            r#"{"a":2,"a":1,"b":3}"#,
            r#"{"b":3,"a":2,"a":1}"#,
        ),
    ] {
        Delivery::signed(signed)
            .body(received)
            .assert_found(name, &["body-json-reprinted"]);
    }
}

#[test]
fn numbers() {
    for (name, signed, received) in [
        ("1.0 became 1", r#"{"n":1.0}"#, r#"{"n":1}"#),
        ("1 became 1.0", r#"{"n":1}"#, r#"{"n":1.0}"#),
        ("1e3 became 1000", r#"{"n":1e3}"#, r#"{"n":1000}"#),
        ("1e3 became 1000.0", r#"{"n":1000}"#, r#"{"n":1e3}"#),
        ("1.5e3 became 1500", r#"{"n":1.5e3}"#, r#"{"n":1500}"#),
        ("12.50 became 12.5", r#"{"n":12.50}"#, r#"{"n":12.5}"#),
        ("12.5 became 12.50", r#"{"n":12.5}"#, r#"{"n":12.50}"#),
        (
            "one of several",
            r#"{"n":1,"m":[2,3.0],"o":4}"#,
            r#"{"n":1,"m":[2,3],"o":4}"#,
        ),
        (
            "all of several",
            r#"{"n":1.0,"m":[2.0,3.0]}"#,
            r#"{"n":1,"m":[2,3]}"#,
        ),
        (
            "one of several, with spaces",
            r#"{"n": 1, "m": 9.90}"#,
            r#"{"n":1,"m":9.9}"#,
        ),
        (
            "as Node prints 1E21",
            "[1e+21,1e-7,0.000001]",
            "[1E21,0.0000001,1e-6]",
        ),
        (
            "as Node prints a large one",
            "[123456789012345680000,0]",
            "[123456789012345678901,-0.0]",
        ),
        ("-0 became 0", "[0]", "[-0]"),
        // A way to print numbers is tried with all of them, or with only one. These have two that differ.
        (
            "with a point, beside a fraction",
            "[1.0,2.0,1.5]",
            "[1,2,1.5]",
        ),
        (
            "with two decimals, beside a number that has them",
            "[1.00,2.50,1.25]",
            "[1,2.5,1.25]",
        ),
        (
            "with an exponent, beside numbers without zeros",
            "[1e3,2e3,10,0,1.00]",
            "[1000,2000,10,0,1.00]",
        ),
    ] {
        Delivery::signed(signed)
            .body(received)
            .assert_found(name, &["body-json-reprinted"]);
    }
}

#[test]
fn escapes() {
    for (name, signed, received) in [
        (
            "an escape that is not needed",
            r#"["A/B"]"#,
            r#"["\u0041\/B"]"#,
        ),
        (
            "control characters",
            r#"["\b\f\n\r\t\u001f"]"#,
            r#"["\u0008\u000c\u000A\u000d\u0009\u001F"]"#,
        ),
        (
            "of quotes and backslashes",
            r#"["\"\\"]"#,
            r#"["\u0022\u005c"]"#,
        ),
        (
            ".NET",
            r#"["\u0022\u002B\u0027\u0060\u00E9\uD83D\uDE00"]"#,
            "[\"\\\"+'`é😀\"]",
        ),
        ("PHP with JSON_UNESCAPED_UNICODE", r#"["é\/"]"#, r#"["é/"]"#),
        (
            "half a character",
            r#"["\ud83d é"]"#,
            r#"["\ud83d \u00e9"]"#,
        ),
        ("in keys", r#"{"é":1}"#, r#"{"\u00e9":1}"#),
    ] {
        Delivery::signed(signed)
            .body(received)
            .assert_found(name, &["body-json-reprinted"]);
    }
}

#[test]
fn the_text_says_how_it_was_printed() {
    for (signed, received, expected) in [
        (
            "[1, 2]",
            "[1,2]",
            "with a space after each comma and colon.",
        ),
        ("[\n  1\n]", "[1]", "with an indentation of two spaces."),
        ("[\n    1\n]", "[1]", "with an indentation of four spaces."),
        ("[\n\t1\n]", "[1]", "with an indentation of a tab."),
        (
            r#"{"a":1,"b":2}"#,
            r#"{"b":2,"a":1}"#,
            "compactly, with sorted keys.",
        ),
        (
            r#"{"type":1,"data":2}"#,
            r#"{"data":2,"type":1}"#,
            "compactly, with `type`, `timestamp` and `data` first.",
        ),
        (
            r#"["A"]"#,
            r#"["\u0041"]"#,
            "compactly, with no more escapes than needed.",
        ),
        (
            r#"["\u00e9"]"#,
            r#"["é"]"#,
            "compactly, with `\\u` escapes for all but ASCII.",
        ),
        (
            r#"["\u00e9\/"]"#,
            r#"["é/"]"#,
            "compactly, with `\\u` escapes for all but ASCII and `\\/` for slashes.",
        ),
        (
            r#"["é\/"]"#,
            r#"["é/"]"#,
            "compactly, with `\\/` for slashes.",
        ),
        (
            r#"["\u003c"]"#,
            r#"["<"]"#,
            "compactly, with `\\u` escapes for `<`, `>` and `&`.",
        ),
        (
            r#"["\u00E9"]"#,
            r#"["é"]"#,
            "compactly, with `\\u` escapes in upper-case digits for all but plain ASCII.",
        ),
        (
            "[1]",
            "[1.0]",
            "compactly, with numbers as JavaScript prints them (`1` for `1.0`).",
        ),
        (
            "[1.0]",
            "[1]",
            "compactly, with numbers with a point (`1.0` for `1`).",
        ),
        (
            "[1.50]",
            "[1.5]",
            "compactly, with numbers with two decimals (`1.50` for `1.5`).",
        ),
        (
            "[1e3]",
            "[1000]",
            "compactly, with numbers with an exponent (`1e3` for `1000`).",
        ),
    ] {
        let text = Delivery::signed(signed)
            .body(received)
            .diagnose()
            .to_string();
        assert!(text.contains(&format!("{expected}\n")), "{signed}: {text}");
    }
}

#[test]
fn spaces_that_no_writer_puts_there() {
    let received = " { \"a\" :\t[ 1 ,\r\n2 ] , \"b\": { } }\n";
    let delivery = Delivery::signed(r#"{"a":[1,2],"b":{}}"#).body(received);
    delivery.assert_found("written by hand", &["body-json-reprinted"]);
    let text = delivery.diagnose().to_string();
    assert!(
        text.contains("printed in another way: compactly."),
        "{text}"
    );
}

proptest! {
    /// `serde_json` prints it, and sorts the keys.
    #[test]
    fn any_document_is_recognised_however_it_was_indented(document in document()) {
        let compact = serde_json::to_string(&document).expect("it is JSON");
        let indented = serde_json::to_string_pretty(&document).expect("it is JSON");
        for (signed, received) in [(&compact, &indented), (&indented, &compact)] {
            let diagnosis = Delivery::signed(signed).body(received).diagnose();
            if signed != received {
                prop_assert_eq!(codes(diagnosis.findings()), ["body-json-reprinted"]);
            }
        }
    }
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            hash_map(any::<String>(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn what_is_no_json_is_not_printed_anew() {
    Delivery::signed("[\"\\u0001\"]")
        .body("[\"\u{1}\"]")
        .assert_found("a control character", &[]);
    for received in [
        "{\"a\": 1",
        "{\"a\" 1}",
        "{a: 1}",
        "[1,]",
        "[01a]",
        "\"a",
        "nul",
        "[\"\u{1}\"]",
        "{\"a\":1} x",
        "\"\\",
    ] {
        let signed = received.replace(' ', "");
        if signed != received {
            Delivery::signed(&signed)
                .body(received)
                .assert_found(received, &[]);
        }
        Delivery::signed("other")
            .body(received)
            .assert_found(received, &[]);
    }
}
