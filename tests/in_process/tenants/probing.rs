//! Without the key of a tenant, nobody can find out whether the tenant exists.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::poll;
use http::HeaderValue;
use http::request::Parts;
use http_body_util::Full;
use tower::{Layer as _, Service as _, service_fn};
use tower_svix::{KeySource, Keyring, KeyringMap, Rejection, Secret, SvixVerifyLayer};
use tower_svix_tests::body::Untouchable;
use tower_svix_tests::clock::At;
use tower_svix_tests::keys::{
    Answer, BODY, NOW, PollCounter, answer, body_from_test, echo, hex_signature, request,
    request_with_body, secret, sender, signature,
};
#[cfg(feature = "ed25519")]
use tower_svix_tests::keys_ed25519 as ed25519;
use tower_svix_tests::run_counting_polls;
use tower_svix_tests::sender::Sender;

use super::tenants;

fn layer() -> SvixVerifyLayer<KeyringMap> {
    let mut tenants = Vec::from(tenants());
    tenants.push(("no-keys", Keyring::from([] as [Secret; 0])));
    #[cfg(feature = "ed25519")]
    tenants.push(("ed25519", ed25519::public_key(&ed25519::sender(1)).into()));
    super::layer(KeyringMap::by_path_segment(0, tenants)).body_limit(1024)
}

/// Without the key of a tenant, nobody can find out whether the tenant exists.
#[tokio::test]
async fn an_unknown_tenant_answers_like_one_with_another_key() {
    let v1 = format!("v1,{}=", "A".repeat(43));
    let v1a = format!("v1a,{}==", "A".repeat(86));
    let hex = "a".repeat(64);
    for signatures in [
        &v1,
        &v1a,
        &hex,
        &format!("v1,{hex}"),
        &format!("{v1} {v1a} {hex}"),
        &format!("v1,AAAA {v1}"),
        "v1a,AAAA",
        "v2,AAAA",
        &signature(&sender(9)),
    ] {
        for parts in [
            &[BODY][..],
            &[],
            &[b"1", b"", b"2"],
            &[&[b'a'; 1024]],
            &[&[b'a'; 1025]],
        ] {
            let unknown = probe("/unknown", signatures, parts).await;
            let mut known = vec!["/acme", "/globex", "/no-keys"];
            if cfg!(feature = "ed25519") {
                known.push("/ed25519");
            }
            for path in known {
                let known = probe(path, signatures, parts).await;
                assert_eq!(known, unknown, "{path} with {signatures}");
            }
        }
    }
}

/// Returns everything that the response shows, and how often the body was polled.
async fn probe(path: &str, signatures: &str, parts: &[&[u8]]) -> (String, usize) {
    let polls = Arc::new(AtomicUsize::new(0));
    let body = PollCounter::new(parts, &polls);
    let answer = answer(&layer(), request_with_body(path, signatures, body)).await;
    let shown = format!("{} {:?} {:?}", answer.status, answer.headers, answer.body);
    assert!(answer.event.is_none());
    (shown, polls.load(Ordering::Relaxed))
}

#[tokio::test]
async fn the_body_for_an_unknown_tenant_is_read_to_its_end_before_the_answer() {
    for path in ["/unknown", "/acme", "/no-keys"] {
        let layer = layer();
        let mut service = layer.layer(service_fn(echo));
        let (frames, body) = body_from_test();
        let request = request_with_body(path, &signature(&sender(9)), body);
        let mut response = pin!(service.call(request));
        for _ in 0..3 {
            frames.send(b"a").unwrap();
            assert!(poll!(&mut response).is_pending(), "{path}");
        }
        drop(frames);
        let Ok(response) = response.await;
        Answer::read(response).await.assert_mismatch();
    }
}

#[tokio::test]
async fn a_claim_beyond_the_limit_is_rejected_alike() {
    for path in ["/unknown", "/acme", "/no-keys"] {
        let body = Untouchable;
        let mut request = request_with_body(path, &signature(&sender(9)), body);
        let length = HeaderValue::from_static("1025");
        request.headers_mut().insert("content-length", length);
        let answer = answer(&layer(), request).await;
        assert_eq!(answer.rejection, Some(Rejection::BodyTooLarge), "{path}");
    }
}

/// The keys that stand in for those of an unknown tenant are no secret: they are in the source.
#[tokio::test]
async fn a_delivery_signed_with_a_well_known_key_is_rejected_for_an_unknown_tenant() {
    let decoy = Sender::with_key(*b"a decoy vouches for nothing");
    let sample_scheme = Secret::text_key_with_hex_signatures("decoy").unwrap();
    for (key, signatures) in [
        (Keyring::from(secret(&decoy)), signature(&decoy)),
        (
            sample_scheme.into(),
            hex_signature(&Sender::with_key(*b"decoy")),
        ),
        #[cfg(feature = "ed25519")]
        {
            let (key, signature) = ed25519::base_point_with_signature();
            (key.into(), signature)
        },
    ] {
        let direct = SvixVerifyLayer::new(key).clock(At(NOW));
        answer(&direct, request("/", &signatures)).await.accepted();
        for path in ["/unknown", "/no-keys", "/acme"] {
            answer(&layer(), request(path, &signatures))
                .await
                .assert_mismatch();
        }
    }
}

/// The key of a tenant verifies nothing for a tenant that does not exist.
#[tokio::test]
async fn no_key_of_a_tenant_is_one_of_an_unknown_tenant() {
    for number in [1, 2] {
        for path in ["/unknown", "/", "/acme2", "/globex%20"] {
            answer(&layer(), request(path, &signature(&sender(number))))
                .await
                .assert_mismatch();
        }
    }
}

#[tokio::test]
async fn a_delivery_signed_with_the_key_of_the_decoy_is_rejected() {
    let layer = super::layer(Nobody(Keyring::from(secret(&sender(1)))));
    for number in [1, 2] {
        answer(&layer, request("/", &signature(&sender(number))))
            .await
            .assert_mismatch();
    }
}

/// A key source that knows no tenant, with this decoy.
#[derive(Clone)]
struct Nobody(Keyring);

impl KeySource for Nobody {
    type Error = Infallible;
    type Future = Ready<Result<Option<Keyring>, Infallible>>;

    fn keys(&self, _: &Parts) -> Self::Future {
        ready(Ok(None))
    }

    fn decoy(&self) -> Keyring {
        self.0.clone()
    }
}

/// Each pass over the body uses up a part of what a poll may do. So the number of polls shows the number of passes.
#[test]
fn an_unknown_tenant_costs_as_many_passes_as_one_with_another_key() {
    const KEYS: u8 = 8;
    const LEN: usize = 64 * 1024;

    let keyring = || {
        let keys = (1..=KEYS).map(|number| secret(&sender(number)));
        keys.collect::<Keyring>()
    };
    let forged = signature(&sender(99));
    let polls = |layer: SvixVerifyLayer<KeyringMap>, path: &str| {
        let request = request_with_body(path, &forged, Full::<Bytes>::from(vec![b'a'; LEN]));
        let (answer, polls) = run_counting_polls(answer(&layer, request));
        answer.assert_mismatch();
        polls
    };
    let map = || {
        let map = KeyringMap::by_path_segment(0, [("acme", keyring())]);
        SvixVerifyLayer::with_key_source(map).clock(At(NOW))
    };
    let known = polls(map(), "/acme");
    assert!(known >= usize::from(KEYS) / 2, "{known} polls");
    assert_eq!(polls(map(), "/unknown"), known);

    let layer = SvixVerifyLayer::with_key_source(Nobody(keyring())).clock(At(NOW));
    let request = request_with_body("/", &forged, Full::<Bytes>::from(vec![b'a'; LEN]));
    let (answer, with_own_decoy) = run_counting_polls(answer(&layer, request));
    answer.assert_mismatch();
    assert_eq!(with_own_decoy, known);
}

/// The time of a rejection depends on the keys that are tried.
#[test]
fn the_decoy_of_a_map_has_the_keys_that_most_tenants_have() {
    let keyring = |numbers: &[u8]| {
        let keys = numbers.iter().map(|number| secret(&sender(*number)));
        keys.collect::<Keyring>()
    };
    let hex = || Secret::text_key_with_hex_signatures("as the sample handlers").unwrap();
    let cases: [(&str, Vec<Keyring>, &[&str]); 4] = [
        ("no tenant", vec![], &["Secret(HMAC-SHA256)"]),
        (
            "two keys",
            vec![keyring(&[1, 2]), keyring(&[3]), keyring(&[4, 5])],
            &["Secret(HMAC-SHA256)"; 2],
        ),
        (
            "one key",
            vec![keyring(&[1, 2]), keyring(&[3]), keyring(&[4])],
            &["Secret(HMAC-SHA256)"],
        ),
        (
            "another kind",
            vec![hex().into(), keyring(&[1]), hex().into()],
            &["Secret(HMAC-SHA256 in hexadecimal digits)"],
        ),
    ];
    for (name, keyrings, expected) in cases {
        let names = ["a", "b", "c"].into_iter();
        let map = KeyringMap::by_path_segment(0, names.zip(keyrings));
        let expected = format!(
            r#"Keyring {{ tenant: Some("nobody"), keys: [{}] }}"#,
            expected.join(", ")
        );
        assert_eq!(format!("{:?}", map.decoy()), expected, "{name}");
    }
    #[cfg(feature = "ed25519")]
    {
        let (key, _) = ed25519::base_point_with_signature();
        let public = Keyring::from(key);
        let map = KeyringMap::by_path_segment(0, [("a", public)]);
        let shown = format!("{:?}", map.decoy());
        assert!(shown.contains("PublicKey"), "{shown}");
    }
}

/// The keys that stand in for those of an unknown tenant are the keys of a tenant.
#[tokio::test]
async fn the_key_of_a_tenant_is_none_of_an_unknown_one() {
    let map = KeyringMap::by_path_segment(0, [("acme", secret(&sender(1)))]);
    let layer = SvixVerifyLayer::with_key_source(map).clock(At(NOW));
    let signatures = signature(&sender(1));
    answer(&layer, request("/acme", &signatures))
        .await
        .accepted();
    answer(&layer, request("/unknown", &signatures))
        .await
        .assert_mismatch();
}
