//! Mistakes with headers.

use tower_svix::HeaderFamily;
use tower_svix::diagnose::Diagnosis;

use super::delivery::{BODY, Delivery, ID, KEY, NOW, codes, message, v1};
use super::silence::assert_silent;

const SVIX: [&str; 3] = ["svix-id", "svix-timestamp", "svix-signature"];

#[test]
fn headers_of_two_families() {
    let wrong = v1(b"another", b"");
    let both = Delivery::new()
        .header("svix-id", "msg_other")
        .header("svix-timestamp", NOW.to_string())
        .header("svix-signature", wrong);
    both.assert_found("svix-* is read, and wrong", &["headers-other-family"]);

    for names in [
        ["svix-id", "webhook-timestamp", "webhook-signature"],
        ["webhook-id", "svix-timestamp", "webhook-signature"],
        ["webhook-id", "webhook-timestamp", "svix-signature"],
        ["webhook-id", "svix-timestamp", "svix-signature"],
        ["svix-id", "webhook-timestamp", "svix-signature"],
        ["svix-id", "svix-timestamp", "webhook-signature"],
    ] {
        let mixed = Delivery::new().renamed(names);
        mixed.assert_found(&names.join(", "), &["headers-mixed"]);
    }

    // A proxy replaces the signed id.
    let replaced = Delivery::new()
        .header("svix-id", ID)
        .header("webhook-id", "msg_other");
    replaced.assert_found("a replaced id", &["headers-mixed"]);
}

#[test]
fn a_family_that_the_receiver_does_not_read() {
    for (names, pinned) in [
        (SVIX, HeaderFamily::WEBHOOK),
        (
            ["webhook-id", "webhook-timestamp", "webhook-signature"],
            HeaderFamily::SVIX,
        ),
    ] {
        let delivery = Delivery::new().renamed(names);
        let headers = delivery.header_map();
        let diagnosis = Diagnosis::of(&delivery.keys, &headers, &delivery.body)
            .header_family(pinned)
            .at(NOW);
        let verdict = diagnosis.verdict().unwrap_err();
        assert_eq!(verdict.code(), "header-missing");
        assert_eq!(codes(diagnosis.findings()), ["headers-other-family"]);
        assert_silent("pinned", &delivery, &diagnosis);
    }
}

#[test]
fn names_that_the_receiver_does_not_know() {
    for names in [
        ["x-webhook-id", "x-webhook-timestamp", "x-webhook-signature"],
        ["finch-event-id", "finch-timestamp", "finch-signature"],
        ["x_id", "x_timestamp", "x_signature"],
    ] {
        let delivery = Delivery::new().renamed(names);
        delivery.assert_found(names[0], &["headers-other-names"]);
        let text = delivery.diagnose().findings()[0].to_string();
        assert!(names.iter().all(|name| text.contains(name)), "{text}");
    }

    let mut among_others =
        Delivery::new().renamed(["finch-event-id", "finch-timestamp", "finch-signature"]);
    let others = [
        "client-id",
        "request-id",
        "session-id",
        "trace-id",
        "user-id",
    ];
    among_others
        .headers
        .splice(..0, others.map(|name| (name, "1".to_owned())));
    among_others.assert_found("among other ids", &["headers-other-names"]);
}

#[test]
fn headers_that_came_twice() {
    let signature = v1(KEY, &message(BODY));
    let other = v1(b"another", b"");
    let mut all = Delivery::new();
    all.headers.extend(all.headers.clone());
    let mut id = Delivery::new();
    id.headers.push(("webhook-id", ID.to_owned()));
    let mut timestamp = Delivery::new();
    timestamp
        .headers
        .push(("webhook-timestamp", NOW.to_string()));
    let mut list = Delivery::new().signature(other);
    list.headers.push(("webhook-signature", signature.clone()));
    let joined = |value: &str| format!("{value}, {value}");
    let cases: [(&str, Delivery, &str); 7] = [
        ("all repeated", all, "headers-repeated"),
        ("the id repeated", id, "headers-repeated"),
        ("the timestamp repeated", timestamp, "headers-repeated"),
        ("the right one of two lists", list, "headers-repeated"),
        (
            "the id joined",
            Delivery::new().header("webhook-id", joined(ID)),
            "headers-joined",
        ),
        (
            "the timestamp joined",
            Delivery::new().header("webhook-timestamp", joined("1700000000")),
            "headers-joined",
        ),
        (
            "all joined",
            Delivery::new()
                .header("webhook-id", joined(ID))
                .header("webhook-timestamp", joined("1700000000"))
                .signature(joined(&signature)),
            "headers-joined",
        ),
    ];
    for (name, delivery, expected) in cases {
        delivery.assert_found(name, &[expected]);
    }
}

#[test]
fn an_id_that_is_signed_and_not_accepted() {
    let message = format!("msg.1.{NOW}.{BODY}");
    let delivery = Delivery::new()
        .header("webhook-id", "msg.1")
        .signature(v1(KEY, message.as_bytes()));
    delivery.assert_found("a full stop", &["headers-malformed"]);
}
