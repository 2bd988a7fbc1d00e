//! What real senders do beyond the specification: the cases of `tests/vectors/senders.json` about lists and names.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tower_svix::{HeaderFamily, Secret, Verifier};
use tower_svix_tests::clock::At;
use tower_svix_tests::sender_cases::SenderCase;

fn verifier(case: &SenderCase) -> Verifier {
    let keys: Vec<Secret> = case.keys.iter().map(|key| key.parse().unwrap()).collect();
    let verifier = Verifier::new(keys).clock(At(case.now));
    match case.how.as_deref() {
        None => verifier,
        Some("pinned header names") => verifier.header_family(header_family(case)),
        Some(how) => panic!("{}: {how}", case.name),
    }
}

/// Returns the family of the delivery's headers.
fn header_family(case: &SenderCase) -> HeaderFamily {
    let name = |end: &str| {
        let mut names = case.headers.keys();
        names.find(|name| name.ends_with(end)).unwrap()
    };
    HeaderFamily::named(name("-id"), name("-timestamp"), name("-signature")).unwrap()
}

#[test]
fn each_sender_gets_its_verdict() {
    let mut failures = Vec::new();
    let mut count = 0;
    for case in SenderCase::all() {
        if case.is_about_keys() {
            continue;
        }
        let verdict = verifier(&case).verify(&case.header_map(), case.body.as_bytes());
        let expected = match &*case.expect {
            "accept" => true,
            "reject" => false,
            other => panic!("{}: {other}", case.name),
        };
        if verdict.is_ok() != expected {
            failures.push(format!("{} ({}): {verdict:?}", case.name, case.why));
        }
        count += 1;
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!(count, 12);
}
