//! The type of an event, at the place where the sender has it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;

use serde_json::Value;
use tower_svix::{PayloadError, VerifiedEvent, Verifier};
use tower_svix_tests::clock::At;
use tower_svix_tests::fixture::{NOW, secret, signed};

fn event(payload: &str) -> VerifiedEvent {
    let verifier = Verifier::new(secret()).clock(At(NOW));
    let payload = payload.as_bytes();
    verifier.verify(&signed(payload), payload).unwrap()
}

#[test]
fn the_text_at_a_place_is_found() {
    for (payload, pointer, expected) in [
        (r#"{"type":"a"}"#, "/type", "a"),
        (
            r#"{"id":"x","data":{"id":"y","type":"b"},"type":"a"}"#,
            "/data/type",
            "b",
        ),
        (
            r#"{"event_type":"c","data":[1,{"d":[]}]}"#,
            "/event_type",
            "c",
        ),
        (r#"{"category":"d"}"#, "/category", "d"),
        (r#"[{"type":"e"}]"#, "/0/type", "e"),
        (r#"[{"type":"e"},{"type":"f"}]"#, "/1/type", "f"),
        (r#"{"1":{"type":"g"}}"#, "/1/type", "g"),
        (r#""h""#, "", "h"),
        (r#"{"":"i"}"#, "/", "i"),
        (r#"{"a/b":{"m~n":"j"}}"#, "/a~1b/m~0n", "j"),
        (r#"{"~1":"k"}"#, "/~01", "k"),
        (r#"{"t\u0079pe":"l"}"#, "/type", "l"),
        (r#"{"type":"\u006d"}"#, "/type", "m"),
        (r#"{"x":1e400,"type":"n"}"#, "/type", "n"),
    ] {
        let event = event(payload);
        assert_eq!(
            event.event_type_at(pointer).as_deref(),
            Ok(expected),
            "{payload} at {pointer:?}"
        );
        if pointer == "/type" {
            assert_eq!(event.event_type().as_deref(), Ok(expected), "{payload}");
        }
        // The result of an independent parser, which cannot read every number.
        if let Ok(value) = serde_json::from_str::<Value>(payload) {
            assert_eq!(value.pointer(pointer).unwrap(), expected);
        }
    }
    let event = event(r#"{"type":"plain"}"#);
    assert!(matches!(
        event.event_type_at("/type"),
        Ok(Cow::Borrowed("plain"))
    ));
}

#[test]
fn what_is_not_there_is_an_error_that_says_where_and_not_what() {
    for (name, payload, pointer, path) in [
        ("missing", r#"{"a":{"b":"canary"}}"#, "/a/c", "a"),
        ("missing at the top", r#"{"a":"canary"}"#, "/b", "."),
        ("not a text", r#"{"a":{"b":7}}"#, "/a/b", "a.b"),
        ("null", r#"{"a":null}"#, "/a", "a"),
        ("an object", r#"{"a":{"b":"canary"}}"#, "/a", "a"),
        ("through a text", r#"{"a":"canary"}"#, "/a/b", "a"),
        ("through null", r#"{"a":null}"#, "/a/b", "a"),
        ("beyond an array", r#"{"a":["canary"]}"#, "/a/1", "a"),
        ("behind an array", r#"{"a":["canary"]}"#, "/a/-", "a"),
        ("leading zero", r#"{"a":["canary"]}"#, "/a/00", "a"),
        ("a sign", r#"{"a":["canary"]}"#, "/a/+0", "a"),
        (
            "too large",
            r#"{"a":["canary"]}"#,
            "/a/99999999999999999999",
            "a",
        ),
        ("twice", r#"{"a":"canary","a":"canary"}"#, "/a", "."),
        (
            "twice, in other words",
            r#"{"a":"canary","\u0061":"x"}"#,
            "/a",
            ".",
        ),
        ("twice on the way", r#"{"a":{"b":"x"},"a":{}}"#, "/a/b", "."),
    ] {
        let error = event(payload).event_type_at(pointer).unwrap_err();
        let PayloadError::Shape { path: found, .. } = &error else {
            panic!("{name}: {error:?}");
        };
        assert_eq!(found, path, "{name}");
        assert_eq!(error.code(), "payload-mismatch");
        assert!(!error.to_string().contains("canary"), "{name}: {error}");
    }
}

#[test]
fn a_place_that_is_no_pointer_is_an_error_of_its_own() {
    for (payload, pointer) in [
        (r#"{"type":"canary"}"#, "type"),
        (r#"{"type":"canary"}"#, " /type"),
        (r#"{"type":"canary"}"#, "#/type"),
        // The payload is not read.
        ("no JSON", "type"),
    ] {
        let error = event(payload).event_type_at(pointer).unwrap_err();
        assert_eq!(error, PayloadError::InvalidPointer, "{pointer}");
        assert_eq!(error.code(), "pointer-invalid");
        assert_eq!(error.to_string(), "a JSON pointer starts with a slash");
    }
}

#[test]
fn the_rest_of_the_payload_must_be_json_too() {
    for payload in [
        "",
        r#"{"type":"a""#,
        r#"{"type":"a"} x"#,
        r#"{"type":"a","b":oops}"#,
        r#"{"b":[1,],"type":"a"}"#,
        "\u{feff}{\"type\":\"a\"}",
    ] {
        let error = event(payload).event_type_at("/type").unwrap_err();
        assert_eq!(error.code(), "payload-not-json", "{payload:?}");
    }
    // Any depth of nesting is handled.
    let deep = "[".repeat(100_000);
    for payload in [deep.clone(), format!(r#"{{"type":{deep}"#)] {
        assert!(event(&payload).event_type_at("/type").is_err());
    }
    let pointer = "/0".repeat(100_000);
    assert!(event(&deep).event_type_at(&pointer).is_err());
}
