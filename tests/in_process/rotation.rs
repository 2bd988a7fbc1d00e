//! The keys of a keyring are replaced while requests run.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::{FutureExt as _, poll};
use http::StatusCode;
use tower::{Layer as _, Service as _, service_fn};
use tower_svix::{Keyring, Rejection, Secret, SvixVerifyLayer, VerifyError};
use tower_svix_tests::clock::At;
use tower_svix_tests::keys::{
    Answer, BODY, Case, NOW, answer, body_from_test, delivery, echo, request, request_with_body,
    secret, sender, signature,
};

fn layer(keyring: &Keyring) -> SvixVerifyLayer {
    SvixVerifyLayer::new(keyring.clone()).clock(At(NOW))
}

/// Replaces the keys when half of a request has arrived, and returns the response.
async fn replace_keys_halfway(keyring: &Keyring, signatures: &str, keys: Vec<Secret>) -> Answer {
    let mut service = layer(keyring).layer(service_fn(echo));
    let (frames, body) = body_from_test();
    let mut response = pin!(service.call(request_with_body("/", signatures, body)));

    let (first, second) = BODY.split_at(BODY.len() / 2);
    frames.send(first).unwrap();
    assert!(poll!(&mut response).is_pending());
    keyring.replace(keys);
    frames.send(second).unwrap();
    drop(frames);

    let Ok(response) = response.await;
    Answer::read(response).await
}

#[tokio::test]
async fn a_request_that_has_started_finishes_under_the_keys_it_started_with() {
    let (old, new) = (sender(1), sender(2));
    let keyring = Keyring::from(secret(&old));

    let half_received = replace_keys_halfway(&keyring, &signature(&old), vec![secret(&new)]).await;
    assert_eq!(half_received.accepted().payload(), BODY);

    let layer = layer(&keyring);
    answer(&layer, delivery("/", &old)).await.assert_mismatch();
    answer(&layer, delivery("/", &new)).await.accepted();
}

/// The passes over the body come after its end, when the keys have already been replaced.
#[tokio::test]
async fn each_pass_of_a_request_is_made_with_the_keys_it_started_with() {
    let [old, new, stranger] = [1, 2, 3].map(sender);
    for (name, keys) in [
        ("second", vec![secret(&stranger), secret(&old)]),
        (
            "fourth",
            [&stranger, &stranger, &stranger, &old].map(secret).into(),
        ),
    ] {
        let last = keys.len() - 1;
        for replaced_by in [vec![], vec![secret(&new)], vec![secret(&new); last + 1]] {
            let keyring = Keyring::from(keys.clone());
            let answer = replace_keys_halfway(&keyring, &signature(&old), replaced_by).await;
            assert_eq!(answer.accepted().key_index(), last, "{name}");

            let keyring = Keyring::from(keys.clone());
            let all_new = vec![secret(&new); last + 1];
            let answer = replace_keys_halfway(&keyring, &signature(&new), all_new).await;
            answer.assert_mismatch();
        }
    }
}

#[tokio::test]
async fn a_key_that_comes_halfway_is_for_the_next_request() {
    let (old, new) = (sender(1), sender(2));
    let keyring = Keyring::from(secret(&old));

    replace_keys_halfway(&keyring, &signature(&new), vec![secret(&new)])
        .await
        .assert_mismatch();
    answer(&layer(&keyring), delivery("/", &new))
        .await
        .accepted();
}

#[tokio::test]
async fn to_take_all_keys_away_does_not_stop_a_request_that_has_started() {
    let sender = sender(1);
    let keyring = Keyring::from(secret(&sender));
    replace_keys_halfway(&keyring, &signature(&sender), Vec::new())
        .await
        .accepted();
    let answer = answer(&layer(&keyring), delivery("/", &sender)).await;
    let unsupported = Rejection::Unverified(VerifyError::NoSupportedSignature);
    assert_eq!(answer.rejection, Some(unsupported));
}

#[tokio::test]
async fn a_keyring_without_keys_rejects_everything_until_it_gets_one() {
    let sender = sender(1);
    let keyring = Keyring::from([] as [Secret; 0]);
    let layer = layer(&keyring);
    let forged = format!("v1,{}=", "A".repeat(43));
    let ed25519 = format!("v1a,{}==", "A".repeat(86));
    for (name, signatures) in [
        ("genuine under another key", &*signature(&sender)),
        ("forged", &forged),
        ("forged with ed25519", &ed25519),
        ("hexadecimal", &"0".repeat(64)),
        ("empty HMAC", "v1,"),
    ] {
        let answer = answer(&layer, request("/", signatures)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
        assert!(answer.event.is_none(), "{name}");
    }

    keyring.replace([secret(&sender)]);
    answer(&layer, delivery("/", &sender)).await.accepted();
}

#[tokio::test]
async fn all_services_of_a_layer_see_the_new_keys_whenever_they_were_made() {
    let (old, new) = (sender(1), sender(2));
    let keyring = Keyring::from(secret(&old)).tenant("acme");
    let layer = layer(&keyring);
    let mut before = layer.layer(service_fn(echo));
    // A keyring with another tenant shares its keys.
    keyring.clone().tenant("another").replace([secret(&new)]);
    let mut after = layer.clone().layer(service_fn(echo));

    for service in [&mut before.clone(), &mut before, &mut after] {
        let Ok(response) = service.call(delivery("/", &new)).await;
        let event = Answer::read(response).await.accepted();
        assert_eq!(event.tenant(), Some("acme"));
        let Ok(response) = service.call(delivery("/", &old)).await;
        Answer::read(response).await.assert_mismatch();
    }
}

#[test]
fn a_key_that_is_always_in_the_set_is_never_rejected_while_the_set_changes() {
    const TIMEOUT: Duration = Duration::from_secs(60);

    let [a, b, c] = [1, 2, 3].map(|number| secret(&sender(number)));
    let sets = [vec![a, b.clone()], vec![b.clone()], vec![b, c]];
    let keyring = Keyring::from(sets[0].clone());
    let layer = layer(&keyring);
    let done = AtomicBool::new(false);

    thread::scope(|scope| {
        let rotation = scope.spawn(|| {
            for keys in sets.iter().cycle() {
                keyring.replace(keys.clone());
                if done.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        let receivers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let started = Instant::now();
                    let mut seen = [0_u32; 2];
                    // Until this thread has seen the key often at both indices, which shows that the sets were replaced
                    // meanwhile.
                    while seen.iter().any(|times| *times < 200) {
                        assert!(started.elapsed() < TIMEOUT, "no rotation seen: {seen:?}");
                        // Nothing in it waits, so it is ready at once.
                        let answer = answer(&layer, delivery("/", &sender(2))).now_or_never();
                        seen[answer.unwrap().accepted().key_index()] += 1;
                    }
                })
            })
            .collect();
        let outcomes: Vec<_> = receivers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::Relaxed);
        rotation.join().unwrap();
        for outcome in outcomes {
            outcome.unwrap();
        }
    });
}

/// During a rotation, Svix signs with both keys, the new one first. The old one is the key of the case.
#[tokio::test]
async fn a_delivery_of_svix_during_a_rotation_verifies_with_the_old_key() {
    let case = Case::named("real-v1-6-key0");
    let listed = case.headers()["svix-signature"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(listed.split(' ').count(), 2);
    let old: Secret = case.secret.parse().unwrap();
    let stranger = secret(&sender(1));

    let keyring = Keyring::from([] as [Secret; 0]);
    let layer = SvixVerifyLayer::new(keyring.clone()).clock(At(case.now));
    for (keys, expected) in [
        (vec![old.clone()], Some(0)),
        (vec![old.clone(), stranger.clone()], Some(0)),
        (vec![stranger.clone(), old], Some(1)),
        (vec![stranger], None),
    ] {
        keyring.replace(keys);
        let answer = answer(&layer, case.request()).await;
        let key_index = answer.event.map(|event| event.key_index());
        assert_eq!(key_index, expected, "{keyring:?}");
    }
}

/// The same when the test knows both keys, with a sender of our own that does what Svix does.
#[tokio::test]
async fn a_delivery_with_both_signatures_verifies_with_the_old_key_the_new_one_and_both() {
    let [old, new] = [1, 2].map(sender);
    let signatures = format!("{} {}", signature(&new), signature(&old));
    let [old, new] = [secret(&old), secret(&new)];
    for keys in [
        vec![old.clone()],
        vec![new.clone()],
        vec![old.clone(), new.clone()],
        vec![new, old],
    ] {
        let layer = SvixVerifyLayer::new(keys).clock(At(NOW));
        let event = answer(&layer, request("/", &signatures)).await.accepted();
        // Both keys match. The first of the keyring is reported.
        assert_eq!(event.key_index(), 0);
    }
}
