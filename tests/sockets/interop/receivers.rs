//! The crate signs a body, and the packages verify.

use bytes::Bytes;
use http::HeaderValue;
use tower_svix::{Secret, SigningKey};

use super::package::{PACKAGES, Package, Verifier};
use super::{ALTERATIONS, Delivery, FAMILIES, HeaderFamily, JSON, NEW, OLD, ROTATION, now, texts};

pub(super) const NO_MATCH: &str = "rejected: No matching signature found";

/// Returns the result of a valid delivery for each kind of body.
pub(super) fn outcomes(package: &Package) -> [(&'static str, Bytes, &'static str); 5] {
    let [empty, json, large_json, not_json] = texts();
    [
        (empty.0, empty.1, package.empty),
        (json.0, json.1, "accepted"),
        (large_json.0, large_json.1, "accepted"),
        (not_json.0, not_json.1, package.not_json),
        ("not UTF-8", b"\"\xff\xfe\""[..].into(), package.not_utf8),
    ]
}

pub(super) async fn verify(verifier: &mut Verifier, secret: &str, delivery: &Delivery) -> String {
    let headers = delivery
        .headers()
        .map(|(name, value)| (name.to_string(), value));
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (&**name, value.clone()))
        .collect();
    verifier.verify(secret, &headers, &delivery.body).await
}

type Sign = fn(&str, &str, u64, &[u8]) -> HeaderValue;

const SIGNERS: [(&str, Sign); 2] = [
    ("Secret::sign", |secret, id, unix_seconds, body| {
        let secret: Secret = secret.parse().unwrap();
        secret.sign(id, unix_seconds, body).unwrap()
    }),
    ("SigningKey::sign", |secret, id, unix_seconds, body| {
        let key: SigningKey = secret.parse().unwrap();
        key.sign(id, unix_seconds, body).unwrap()
    }),
];

/// Returns a delivery with one signature for each secret.
fn signed(
    sign: Sign,
    secrets: &[&str],
    family: HeaderFamily,
    unix_seconds: u64,
    body: Bytes,
) -> Delivery {
    let id = "msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa";
    let signatures: Vec<_> = secrets
        .iter()
        .map(|secret| sign(secret, id, unix_seconds, &body))
        .collect();
    let signatures: Vec<_> = signatures
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    Delivery {
        family,
        id: id.into(),
        unix_seconds,
        signatures: signatures.join(" "),
        body,
    }
}

#[tokio::test]
async fn the_packages_accept_what_the_crate_signs() {
    for package in &PACKAGES {
        let mut verifier = Verifier::start(package);
        for (body_name, body, outcome) in outcomes(package) {
            for (signer, sign) in SIGNERS {
                for &family in package.reads {
                    let delivery = signed(sign, &[NEW], family, now(), body.clone());
                    let row = format!("{package}, {body_name}, {signer}, {family:?}");
                    assert_eq!(
                        verify(&mut verifier, NEW, &delivery).await,
                        outcome,
                        "{row}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_package_rejects_what_has_other_headers_than_it_reads() {
    for package in &PACKAGES {
        let mut verifier = Verifier::start(package);
        for (signer, sign) in SIGNERS {
            for family in FAMILIES {
                let delivery = signed(sign, &[NEW], family, now(), JSON.into());
                let outcome = if package.reads.contains(&family) {
                    "accepted"
                } else {
                    "rejected: Missing required headers"
                };
                let row = format!("{package}, {signer}, {family:?}");
                assert_eq!(
                    verify(&mut verifier, NEW, &delivery).await,
                    outcome,
                    "{row}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_packages_find_their_secret_among_those_of_a_rotation() {
    for package in &PACKAGES {
        let mut verifier = Verifier::start(package);
        for (signer, sign) in SIGNERS {
            for sender in ROTATION {
                for receiver in [NEW, OLD] {
                    for &family in package.reads {
                        let delivery = signed(sign, sender, family, now(), JSON.into());
                        let shared = sender.contains(&receiver);
                        let outcome = if shared { "accepted" } else { NO_MATCH };
                        let row =
                            format!("{package}, {signer}, {sender:?} to {receiver}, {family:?}");
                        assert_eq!(
                            verify(&mut verifier, receiver, &delivery).await,
                            outcome,
                            "{row}"
                        );
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn the_packages_reject_what_was_altered_on_the_way() {
    for package in &PACKAGES {
        let mut verifier = Verifier::start(package);
        for (body_name, body) in texts() {
            for (signer, sign) in SIGNERS {
                for &family in package.reads {
                    for (alteration, alter) in ALTERATIONS {
                        let mut delivery = signed(sign, &[NEW, OLD], family, now(), body.clone());
                        alter(&mut delivery);
                        let row =
                            format!("{package}, {body_name}, {signer}, {family:?}, {alteration}");
                        assert_eq!(
                            verify(&mut verifier, NEW, &delivery).await,
                            NO_MATCH,
                            "{row}"
                        );
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn the_packages_reject_what_was_held_back() {
    for package in &PACKAGES {
        let mut verifier = Verifier::start(package);
        for (signer, sign) in SIGNERS {
            for (unix_seconds, expected) in [
                (now() - 600, "rejected: Message timestamp too old"),
                (now() + 600, "rejected: Message timestamp too new"),
            ] {
                let family = HeaderFamily::WEBHOOK;
                let delivery = signed(sign, &[NEW], family, unix_seconds, JSON.into());
                let outcome = verify(&mut verifier, NEW, &delivery).await;
                assert_eq!(outcome, expected, "{package}, {signer}");
            }
        }
    }
}
