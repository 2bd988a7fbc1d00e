//! The packages sign, and the example server verifies.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tower_svix::Secret;
use tower_svix_tests::net::within;
use tower_svix_tests::process::{Server, example};

use super::package::{PACKAGES, Signer};
use super::{ALTERATIONS, Delivery, FAMILIES, HeaderFamily, JSON, NEW, OLD, ROTATION, now, texts};

/// Ids in use: one of Svix, a UUID, and one with all characters that are allowed.
const IDS: [&str; 3] = [
    "msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa",
    "0191e4a5-7b1c-7c3e-9f60-2d8f4f6a1b22",
    r#"a/b:c=d,e;f ~ "g" {h}"#,
];

fn server(secrets: &[&str]) -> Server {
    Server::start(example("server").env("WEBHOOK_SECRET", secrets.join(" ")))
}

/// Returns a delivery with one signature for each secret.
async fn sign(
    signer: &mut Signer,
    secrets: &[&str],
    family: HeaderFamily,
    id: &str,
    unix_seconds: u64,
    body: &Bytes,
) -> Delivery {
    let mut signatures = Vec::new();
    for secret in secrets {
        signatures.push(signer.sign(secret, id, unix_seconds, body).await);
    }
    Delivery {
        family,
        id: id.into(),
        unix_seconds,
        signatures: signatures.join(" "),
        body: body.clone(),
    }
}

/// Returns the status and the body of the server's response.
async fn post(server: &Server, delivery: &Delivery) -> (StatusCode, String) {
    let mut request = Request::post(server.url("/webhook"));
    for (name, value) in delivery.headers() {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(delivery.body.clone())).unwrap();
    within(async {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response = client.request(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.into()).unwrap())
    })
    .await
}

#[tokio::test]
async fn the_server_accepts_what_the_packages_sign() {
    let server = server(&[NEW]);
    let mut ids = Vec::new();
    for package in &PACKAGES {
        let mut signer = Signer::start(package);
        for (body_name, body) in &texts() {
            for form in IDS {
                for family in FAMILIES {
                    let id = format!("{form}-{}", ids.len());
                    let delivery = sign(&mut signer, &[NEW], family, &id, now(), body).await;
                    let (status, answer) = post(&server, &delivery).await;
                    let row = format!("{package}, {body_name}, {id}, {family:?}: {answer}");
                    assert_eq!(status, StatusCode::OK, "{row}");
                    ids.push(id);
                }
            }
        }
    }

    let events = server.get_json("/events");
    let received: Vec<_> = events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["id"])
        .collect();
    assert_eq!(received, ids.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_rotation_loses_nothing_as_long_as_both_sides_share_a_secret() {
    let receivers = ROTATION.map(|known| (known, server(known)));
    for package in &PACKAGES {
        let mut signer = Signer::start(package);
        for sender in ROTATION {
            for family in FAMILIES {
                let delivery =
                    sign(&mut signer, sender, family, "msg_1", now(), &JSON.into()).await;
                for (receiver, server) in &receivers {
                    let (status, answer) = post(server, &delivery).await;
                    let expected = if sender.iter().any(|secret| receiver.contains(secret)) {
                        StatusCode::OK
                    } else {
                        StatusCode::UNAUTHORIZED
                    };
                    let row =
                        format!("{package}, {sender:?} to {receiver:?}, {family:?}: {answer}");
                    assert_eq!(status, expected, "{row}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_server_rejects_what_was_altered_on_the_way() {
    let server = server(&[NEW]);
    for package in &PACKAGES {
        let mut signer = Signer::start(package);
        for (body_name, body) in &texts() {
            for family in FAMILIES {
                let genuine = sign(&mut signer, &[NEW], family, "msg_1", now(), body).await;
                for (alteration, alter) in ALTERATIONS {
                    let mut delivery = genuine.clone();
                    alter(&mut delivery);
                    let (status, answer) = post(&server, &delivery).await;
                    let row = format!("{package}, {body_name}, {family:?}, {alteration}: {answer}");
                    assert_eq!(status, StatusCode::UNAUTHORIZED, "{row}");
                }
            }
        }
    }
    assert_eq!(server.get_json("/events"), json!([]));
}

#[tokio::test]
async fn the_server_rejects_what_was_held_back() {
    let server = server(&[NEW]);
    for package in &PACKAGES {
        let mut signer = Signer::start(package);
        for (time, cause) in [
            (now() - 600, "timestamp-too-old"),
            (now() + 600, "timestamp-too-new"),
        ] {
            let family = HeaderFamily::WEBHOOK;
            let delivery = sign(&mut signer, &[NEW], family, "msg_1", time, &JSON.into()).await;
            let (status, answer) = post(&server, &delivery).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{package}: {answer}");
            assert!(answer.contains(cause), "{package}, {cause}: {answer}");
        }
    }
}

#[tokio::test]
async fn the_packages_and_the_crate_make_the_same_signatures() {
    for package in &PACKAGES {
        let mut signer = Signer::start(package);
        for secret in [NEW, OLD] {
            let ours: Secret = secret.parse().unwrap();
            for (body_name, body) in &texts() {
                for (id, unix_seconds) in IDS.into_iter().zip([0, 1_614_265_330, 4_102_444_800]) {
                    let theirs = signer.sign(secret, id, unix_seconds, body).await;
                    let ours = ours.sign(id, unix_seconds, body).unwrap();
                    assert_eq!(ours, theirs, "{package}, {body_name}, {id}");
                }
            }
        }
    }
}
