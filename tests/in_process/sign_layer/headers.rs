//! Signed requests, and why some are not sent.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::{HeaderName, HeaderValue, Request};
use standardwebhooks::Webhook;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_svix::SvixSignLayer;
use tower_svix::sign::{SignedBody, SvixSignError};
use tower_svix::{HeaderFamily, SignError, SigningKey};
use tower_svix_tests::body::{Script, Step};
use tower_svix_tests::clock::{At, Broken};
use tower_svix_tests::keys::{self, BODY, ID, NOW, sender, unix_now};

use super::{layer, request, signed, signing_key};

/// Returns headers of an old signature, as a forwarded request has them.
fn stale(family: HeaderFamily) -> [(HeaderName, HeaderValue); 3] {
    [
        (family.id_header(), HeaderValue::from_static(ID)),
        (family.timestamp_header(), HeaderValue::from_static("1")),
        (
            family.signature_header(),
            HeaderValue::from_static("v1,stale"),
        ),
    ]
}

#[tokio::test]
async fn a_request_gets_three_headers_and_stays_as_it_is_otherwise() {
    for (family, names) in [
        (
            HeaderFamily::WEBHOOK,
            ["webhook-id", "webhook-timestamp", "webhook-signature"],
        ),
        (
            HeaderFamily::SVIX,
            ["svix-id", "svix-timestamp", "svix-signature"],
        ),
    ] {
        let layer = layer().header_family(family).id_generator(|| ID.into());
        let mut request = request();
        request
            .headers_mut()
            .insert("content-type", HeaderValue::from_static("text/plain"));
        request.extensions_mut().insert("kept");
        let signed = signed(&layer, request).await.unwrap();

        assert_eq!(signed.body(), BODY);
        assert_eq!(signed.method(), "POST");
        assert_eq!(signed.uri(), "http://localhost/webhook");
        assert_eq!(signed.extensions().get(), Some(&"kept"));
        assert_eq!(signed.headers().len(), 4, "{:?}", signed.headers());
        assert_eq!(signed.headers()["content-type"], "text/plain");
        assert_eq!(signed.headers()[names[0]], ID);
        assert_eq!(signed.headers()[names[1]], NOW.to_string());
        let expected = keys::signature(&sender(1));
        assert_eq!(signed.headers()[names[2]], expected);
    }
}

#[cfg(feature = "ed25519")]
#[tokio::test]
async fn a_private_key_signs_by_itself() {
    use tower_svix::PrivateKey;
    use tower_svix_tests::keys_ed25519::{private_text, sender, signature};

    let key: PrivateKey = private_text(&sender(1)).parse().unwrap();
    let layer = SvixSignLayer::new(key).clock(At(NOW));
    let signed = signed(&layer.id_generator(|| ID.into()), request()).await;
    let headers = signed.unwrap().into_parts().0.headers;
    assert_eq!(headers["webhook-signature"], signature(&sender(1)));
}

#[tokio::test]
async fn each_key_signs_in_its_turn() {
    let senders = [1, 2, 3].map(sender);
    let layer = SvixSignLayer::new(signing_key(&senders[0]))
        .also_sign_with(signing_key(&senders[1]))
        .also_sign_with(signing_key(&senders[2]))
        .clock(At(NOW))
        .id_generator(|| ID.into());
    let signed = signed(&layer, request()).await.unwrap();
    let expected = senders.map(|sender| keys::signature(&sender)).join(" ");
    assert_eq!(signed.headers()["webhook-signature"], expected);
}

#[tokio::test]
async fn keys_are_given_one_by_one_or_together() {
    let secrets = || [1, 2].map(|number| keys::secret(&sender(number)));
    let [first, second] = secrets();
    for (name, layer) in [
        (
            "one by one",
            SvixSignLayer::new(first.clone()).also_sign_with(second.clone()),
        ),
        ("an array", SvixSignLayer::new(secrets())),
        ("a list", SvixSignLayer::new(Vec::from(secrets()))),
        (
            "of both types",
            SvixSignLayer::new([SigningKey::from(first), second.into()]),
        ),
    ] {
        let layer = layer.clock(At(NOW)).id_generator(|| ID.into());
        let signed = signed(&layer, request()).await.unwrap();
        let expected = [1, 2].map(|number| keys::signature(&sender(number)));
        assert_eq!(
            signed.headers()["webhook-signature"],
            expected.join(" "),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_request_that_is_sent_again_keeps_its_id_and_nothing_else_of_the_signature() {
    for family in [HeaderFamily::WEBHOOK, HeaderFamily::SVIX] {
        let layer = layer()
            .header_family(family)
            .id_generator(|| "msg_new".into());
        let mut request = request();
        for (name, value) in stale(family) {
            request.headers_mut().append(&name, value.clone());
            request.headers_mut().append(name, value);
        }
        let signed = signed(&layer, request).await.unwrap();
        let sole = |name: HeaderName| {
            let values: Vec<_> = signed.headers().get_all(&name).iter().collect();
            assert_eq!(values.len(), 1, "{name}");
            values[0].clone()
        };
        assert_eq!(sole(family.id_header()), ID);
        assert_eq!(sole(family.timestamp_header()), NOW.to_string());
        let expected = keys::signature(&sender(1));
        assert_eq!(sole(family.signature_header()), expected);
    }
}

#[tokio::test]
async fn each_request_without_an_id_gets_one_of_its_own() {
    let mut ids = HashSet::new();
    for _ in 0..100 {
        let signed = signed(&layer(), request()).await.unwrap();
        let id = signed.headers()["webhook-id"].to_str().unwrap().to_owned();
        assert!(id.starts_with("msg_") && id.len() == 36, "{id}");
        assert!(ids.insert(id));
    }

    let number = Arc::new(AtomicU32::new(0));
    let layer =
        layer().id_generator(move || format!("evt-{}", number.fetch_add(1, Ordering::Relaxed)));
    for expected in ["evt-0", "evt-1"] {
        // The services of a layer share the function that makes ids.
        let signed = signed(&layer.clone(), request()).await.unwrap();
        assert_eq!(signed.headers()["webhook-id"], expected);
    }
}

#[tokio::test]
async fn the_official_library_verifies_what_was_signed() {
    let layer = SvixSignLayer::new(signing_key(&sender(2))).also_sign_with(signing_key(&sender(1)));
    let signed = signed(&layer, request()).await.unwrap();
    for (number, genuine) in [(1, true), (2, true), (3, false)] {
        let webhook = Webhook::new(&sender(number).secret()).unwrap();
        let verdict = webhook.verify(signed.body(), signed.headers());
        assert_eq!(verdict.is_ok(), genuine, "{verdict:?}");
    }
}

#[tokio::test]
async fn the_timestamp_is_the_time_at_which_the_body_is_complete() {
    let before = unix_now();
    let layer = SvixSignLayer::new(signing_key(&sender(1)));
    let signed = signed(&layer, request()).await.unwrap();
    let timestamp: u64 = signed.headers()["webhook-timestamp"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((before..=unix_now()).contains(&timestamp));
}

#[tokio::test]
async fn a_body_of_many_frames_is_signed_as_a_whole_and_loses_its_trailers() {
    let frames = BODY.chunks(7).flat_map(|frame| {
        let frame = bytes::Bytes::copy_from_slice(frame);
        [
            Step::Pending,
            Step::parted_data(frame, 3),
            Step::data(bytes::Bytes::new()),
        ]
    });
    let trailers = Step::Trailers(Box::default());
    let body = Script::new(frames.chain([trailers]));
    let signed = signed(&layer().id_generator(|| ID.into()), request().map(|_| body))
        .await
        .unwrap();
    assert_eq!(signed.body(), BODY);
    let expected = keys::signature(&sender(1));
    assert_eq!(signed.headers()["webhook-signature"], expected);
}

/// HTTP removes the spaces, and the receiver would see another id than the signed one.
#[tokio::test]
async fn an_id_with_spaces_around_it_is_not_signed() {
    for id in [" msg_1", "msg_1 ", " "] {
        let layer = layer().id_generator(move || id.into());
        match signed(&layer, request()).await {
            Err(SvixSignError::Sign(error)) => assert_eq!(error, SignError::InvalidId, "{id:?}"),
            other => panic!("{id:?}: {other:?}"),
        }
        let secret = keys::secret(&sender(1));
        assert_eq!(
            secret.sign(id, NOW, BODY),
            Err(SignError::InvalidId),
            "{id:?}"
        );
    }
    signed(&layer().id_generator(|| "msg 1".into()), request())
        .await
        .unwrap();
}

/// A client that must not be called.
async fn unreachable_client(_: Request<SignedBody>) -> Result<(), std::io::Error> {
    panic!("a request that could not be signed is sent");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_sent() {
    let body = Script::new([Step::data(BODY.into()), Step::Error]);
    let client = layer().layer(service_fn(unreachable_client));
    let error = client.oneshot(request().map(|_| body)).await.unwrap_err();
    assert!(matches!(error, SvixSignError::Body(_)), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the body of the request to sign broke off"
    );
    assert_eq!(error.source().unwrap().to_string(), "the body broke off");
}

#[tokio::test]
async fn what_cannot_be_signed_is_not_sent() {
    let key = || signing_key(&sender(1));
    let good = || layer().id_generator(|| ID.into());
    let mut rows = vec![(
        "no clock",
        good().clock(Broken),
        SignError::ClockUnavailable,
    )];
    let keys: [SigningKey; 0] = [];
    rows.push(("no key", SvixSignLayer::new(keys), SignError::NoKey));
    for (name, id) in [
        ("empty id", ""),
        ("dotted id", "msg.1"),
        ("id with a line end", "msg\r\n1"),
        ("id that is not ASCII", "mßg"),
    ] {
        let layer = SvixSignLayer::new(key()).id_generator(|| id.into());
        rows.push((name, layer, SignError::InvalidId));
    }
    for (name, layer, expected) in rows {
        let client = layer.layer(service_fn(unreachable_client));
        match client.oneshot(request()).await {
            Err(SvixSignError::Sign(error)) => assert_eq!(error, expected, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_id_that_receivers_would_reject_is_not_kept() {
    for id in [&b"msg.1"[..], b"m\xffg", b""] {
        let mut request = request();
        let id = HeaderValue::from_bytes(id).unwrap();
        request.headers_mut().insert("webhook-id", id.clone());
        match signed(&layer(), request).await {
            Err(SvixSignError::Sign(error)) => assert_eq!(error, SignError::InvalidId, "{id:?}"),
            other => panic!("{id:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_error_of_the_client_passes_through() {
    let client = service_fn(|_: Request<SignedBody>| async {
        Err::<(), _>(std::io::Error::other("no route"))
    });
    let error = layer().layer(client).oneshot(request()).await.unwrap_err();
    assert!(matches!(error, SvixSignError::Client(_)), "{error:?}");
    assert_eq!(error.source().unwrap().to_string(), "no route");
    // The message does not repeat its source, as the documentation of `Error` asks.
    assert!(!error.to_string().contains("no route"), "{error}");
}

#[test]
fn a_layer_shows_no_key() {
    let key = sender(1).secret();
    let base64 = key.trim_start_matches("whsec_");
    let shown = format!("{:?} {:?}", layer(), layer().layer(()));
    assert!(!shown.contains(base64), "{shown}");
    assert!(shown.contains("HMAC-SHA256"), "{shown}");
}

#[tokio::test]
async fn a_forwarded_request_keeps_no_signature_of_the_other_family() {
    for (ours, other) in [
        (HeaderFamily::WEBHOOK, HeaderFamily::SVIX),
        (HeaderFamily::SVIX, HeaderFamily::WEBHOOK),
    ] {
        let mut request = request();
        request.headers_mut().extend(stale(other));
        let signed = signed(&layer().header_family(ours), request).await.unwrap();
        for (name, _) in stale(other) {
            assert!(!signed.headers().contains_key(&name), "{name}");
        }
        assert!(signed.headers().contains_key(ours.signature_header()));
    }
}
