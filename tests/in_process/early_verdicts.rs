//! What a receiver rejects before it reads the body depends on its own keys. It does not depend on the features of the
//! crate, so this file runs with and without ed25519, nor on the keys of a tenant.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::request::Parts;
use tower_svix::{
    KeySource, Keyring, KeyringMap, Rejection, Secret, SvixVerifyLayer, Verifier, VerifyError,
    key_source_fn,
};
use tower_svix_tests::clock::At;
use tower_svix_tests::keys::{
    BODY, NOW, PollCounter, answer, request, request_with_body, secret, sender,
};
#[cfg(feature = "ed25519")]
use tower_svix_tests::keys_ed25519 as ed25519;
use tower_svix_tests::run;

const MISMATCH: Option<Rejection> = Some(Rejection::Unverified(VerifyError::SignatureMismatch));
const UNSUPPORTED: Option<Rejection> =
    Some(Rejection::Unverified(VerifyError::NoSupportedSignature));

fn hmac() -> Secret {
    secret(&sender(1))
}

fn hex() -> Secret {
    Secret::text_key_with_hex_signatures("the text is the key").unwrap()
}

/// Returns forged lists, each with whether three kinds of keys can match: base64 MACs, hexadecimal MACs, public keys.
fn lists() -> Vec<(&'static str, String, [bool; 3])> {
    let v1 = format!("v1,{}=", "A".repeat(43));
    let hex = "a".repeat(64);
    let v1a = format!("v1a,{}==", "A".repeat(86));
    vec![
        ("v1", v1.clone(), [true, false, false]),
        ("bare", v1["v1,".len()..].into(), [true, false, false]),
        ("hexadecimal", hex.clone(), [false, true, false]),
        ("v1 hexadecimal", format!("v1,{hex}"), [false, true, false]),
        ("v1a", v1a.clone(), [false, false, true]),
        (
            "v1a and v2",
            format!("{v1a}, v2,AAAA"),
            [false, false, true],
        ),
        ("v1 and v1a", format!("{v1} {v1a}"), [true, false, true]),
        ("v1a and v1", format!("{v1a}, {v1}"), [true, false, true]),
        ("all", format!("{v1a} {hex} {v1}"), [true, true, true]),
        ("v2", "v2,AAAA".into(), [false, false, false]),
        ("v1a too short", "v1a,AAAA".into(), [false, false, false]),
        (
            "v1 as v1a",
            v1.replace("v1,", "v1a,"),
            [false, false, false],
        ),
    ]
}

/// Returns why a request with this list is rejected, and how often its body was polled.
fn rejection<K: KeySource + Clone>(
    layer: &SvixVerifyLayer<K>,
    path: &str,
    list: &str,
) -> (Option<Rejection>, usize) {
    let polls = Arc::new(AtomicUsize::new(0));
    let body = PollCounter::new(&[BODY], &polls);
    let answer = run(answer(layer, request_with_body(path, list, body)));
    (answer.rejection, polls.load(Ordering::Relaxed))
}

#[test]
fn a_list_that_no_key_of_the_receiver_can_match_is_rejected_unread() {
    let receivers: Vec<(&str, Keyring, [bool; 3])> = vec![
        ("HMAC", hmac().into(), [true, false, false]),
        ("hexadecimal", hex().into(), [false, true, false]),
        ("both", [hex(), hmac()].into(), [true, true, false]),
        ("no key", Keyring::from([] as [Secret; 0]), [false; 3]),
        #[cfg(feature = "ed25519")]
        (
            "ed25519",
            ed25519::public_key(&ed25519::sender(1)).into(),
            [false, false, true],
        ),
        #[cfg(feature = "ed25519")]
        (
            "HMAC and ed25519",
            [
                tower_svix::VerifyingKey::from(hmac()),
                ed25519::public_key(&ed25519::sender(1)).into(),
            ]
            .into(),
            [true, false, true],
        ),
    ];
    for (receiver, keyring, takes) in receivers {
        for (name, list, forms) in lists() {
            let is_possible = takes.iter().zip(forms).any(|(takes, form)| *takes && form);
            let expected = if is_possible {
                (MISMATCH, 2)
            } else {
                (UNSUPPORTED, 0)
            };
            let layer = SvixVerifyLayer::new(keyring.clone()).clock(At(NOW));
            let found = rejection(&layer, "/", &list);
            assert_eq!(found, expected, "{name} before {receiver}");

            let verifier = Verifier::new(keyring.clone()).clock(At(NOW));
            let headers = request("/", &list).headers().clone();
            let started = verifier.start(&headers).err().map(Rejection::from);
            assert_eq!(
                started,
                UNSUPPORTED.filter(|_| !is_possible),
                "{name} before {receiver}"
            );
        }
    }
}

/// A response must not reveal whether a tenant exists, or which kind of keys it has.
#[test]
fn among_tenants_the_early_verdict_does_not_depend_on_the_keys() {
    let tenants = [
        ("hmac", Keyring::from(hmac())),
        ("hexadecimal", hex().into()),
        ("none", Keyring::from([] as [Secret; 0])),
        #[cfg(feature = "ed25519")]
        ("ed25519", ed25519::public_key(&ed25519::sender(1)).into()),
    ];
    let names: Vec<_> = tenants.iter().map(|(name, _)| *name).collect();
    let layer = SvixVerifyLayer::with_key_source(KeyringMap::by_path_segment(0, tenants));
    let layer = layer.clock(At(NOW));
    for (name, list, forms) in lists() {
        let expected = if forms == [false; 3] {
            (UNSUPPORTED, 0)
        } else {
            (MISMATCH, 2)
        };
        for tenant in names.iter().chain(&["unknown"]) {
            let found = rejection(&layer, &format!("/{tenant}"), &list);
            assert_eq!(found, expected, "{name} to {tenant}");
        }
    }
}

#[test]
fn a_source_of_a_single_tenant_may_say_so() {
    #[derive(Clone)]
    struct Stored;

    impl KeySource for Stored {
        type Error = std::convert::Infallible;
        type Future = std::future::Ready<Result<Option<Keyring>, Self::Error>>;

        fn keys(&self, _: &Parts) -> Self::Future {
            std::future::ready(Ok(Some(hmac().into())))
        }

        fn is_single_tenant(&self) -> bool {
            true
        }
    }

    let silent = key_source_fn(|_: &Parts| {
        std::future::ready(Ok::<_, std::convert::Infallible>(Some(hmac().into())))
    });
    let v1a = format!("v1a,{}==", "A".repeat(86));
    let layer = SvixVerifyLayer::with_key_source(silent).clock(At(NOW));
    assert_eq!(rejection(&layer, "/", &v1a), (MISMATCH, 2));
    let layer = SvixVerifyLayer::with_key_source(Stored).clock(At(NOW));
    assert_eq!(rejection(&layer, "/", &v1a), (UNSUPPORTED, 0));
    let layer = SvixVerifyLayer::with_key_source(Arc::new(Stored)).clock(At(NOW));
    assert_eq!(rejection(&layer, "/", &v1a), (UNSUPPORTED, 0));
}
