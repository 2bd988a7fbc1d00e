//! What real senders do beyond the specification: the cases of `tests/vectors/senders.json` about lists and names.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};
use serde::Deserialize;
use tower_svix::{HeaderFamily, Secret, Verifier};
use tower_svix_tests::clock::At;

#[derive(Deserialize)]
struct Case {
    name: String,
    why: String,
    keys: Vec<String>,
    how: Option<String>,
    expect: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    now: u64,
}

impl Case {
    /// Its name says what it is about. Those about the texts of keys are tested with the keys.
    fn all() -> Vec<Self> {
        let cases: Vec<Self> =
            serde_json::from_str(include_str!("../vectors/senders.json")).unwrap();
        let is_about_keys = |case: &Self| case.name.starts_with("key-");
        cases
            .into_iter()
            .filter(|case| !is_about_keys(case))
            .collect()
    }

    fn header_map(&self) -> HeaderMap {
        let header = |(name, value): (&String, &String)| -> (HeaderName, _) {
            (name.parse().unwrap(), value.parse().unwrap())
        };
        self.headers.iter().map(header).collect()
    }

    fn verifier(&self) -> Verifier {
        let keys: Vec<Secret> = self.keys.iter().map(|key| key.parse().unwrap()).collect();
        let verifier = Verifier::new(keys).clock(At(self.now));
        match self.how.as_deref() {
            None => verifier,
            Some("pinned header names") => verifier.header_family(self.header_family()),
            Some(how) => panic!("{}: {how}", self.name),
        }
    }

    /// The family of the headers that the delivery comes with.
    fn header_family(&self) -> HeaderFamily {
        let name = |end: &str| {
            let mut names = self.headers.keys();
            names.find(|name| name.ends_with(end)).unwrap()
        };
        HeaderFamily::named(name("-id"), name("-timestamp"), name("-signature")).unwrap()
    }
}

#[test]
fn each_sender_gets_its_verdict() {
    let mut failures = Vec::new();
    let mut count = 0;
    for case in Case::all() {
        let verdict = case
            .verifier()
            .verify(&case.header_map(), case.body.as_bytes());
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
