//! A client with `SvixSignLayer` signs, and the packages verify.

use std::convert::Infallible;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use tower::{ServiceBuilder, ServiceExt as _};
use tower_svix::sign::SignedBody;
use tower_svix::{SigningKey, SvixSignLayer};

use super::package::{PACKAGES, Verifier};
use super::receivers::{NO_MATCH, outcomes, verify};
use super::{ALTERATIONS, Delivery, HeaderFamily, JSON, NEW, OLD};

/// Returns the request that the HTTP client gets.
async fn sent(layer: SvixSignLayer, family: HeaderFamily, body: Bytes) -> Delivery {
    let client = ServiceBuilder::new()
        .layer(layer.header_family(family))
        .service_fn(|request: Request<SignedBody>| async { Ok::<_, Infallible>(request) });
    let request = Request::post("http://localhost/webhook").body(Full::new(body));
    let request = client.oneshot(request.unwrap()).await.unwrap();
    let header = |name| request.headers()[name].to_str().unwrap().to_owned();
    Delivery {
        family,
        id: header(family.id_header()),
        unix_seconds: header(family.timestamp_header()).parse().unwrap(),
        signatures: header(family.signature_header()),
        body: request.into_body().collect().await.unwrap().to_bytes(),
    }
}

#[tokio::test]
async fn the_packages_accept_the_requests_of_a_signing_client() {
    for package in &PACKAGES {
        let mut verifier = Verifier::start(package);
        for (body_name, body, outcome) in outcomes(package) {
            for &family in package.reads {
                let layer = signing_with(&[NEW, OLD]);
                let delivery = sent(layer, family, body.clone()).await;
                for secret in [NEW, OLD] {
                    let row = format!("{package}, {body_name}, {family:?}, {secret}");
                    assert_eq!(
                        verify(&mut verifier, secret, &delivery).await,
                        outcome,
                        "{row}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn the_packages_reject_altered_requests_of_a_signing_client() {
    for package in &PACKAGES {
        let mut verifier = Verifier::start(package);
        for &family in package.reads {
            for (alteration, alter) in ALTERATIONS {
                let layer = signing_with(&[NEW, OLD]);
                let mut delivery = sent(layer, family, JSON.into()).await;
                alter(&mut delivery);
                let row = format!("{package}, {family:?}, {alteration}");
                assert_eq!(
                    verify(&mut verifier, NEW, &delivery).await,
                    NO_MATCH,
                    "{row}"
                );
            }
        }
    }
}

#[cfg(feature = "ed25519")]
#[tokio::test]
async fn the_packages_pass_over_asymmetric_signatures() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let pair = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).to_keypair_bytes();
    let private_key = format!("whsk_{}", STANDARD.encode(pair));
    for package in &PACKAGES {
        let mut verifier = Verifier::start(package);
        for (keys, outcome) in [
            (&[&*private_key, NEW][..], "accepted"),
            (&[NEW, &*private_key], "accepted"),
            (&[&*private_key], NO_MATCH),
        ] {
            for &family in package.reads {
                let layer = signing_with(keys);
                let delivery = sent(layer, family, JSON.into()).await;
                let row = format!("{package}, {family:?}, {}", delivery.signatures);
                assert_eq!(
                    verify(&mut verifier, NEW, &delivery).await,
                    outcome,
                    "{row}"
                );
            }
        }
    }
}

/// Returns a layer that signs with each of these keys.
fn signing_with(keys: &[&str]) -> SvixSignLayer {
    let [first, others @ ..] = keys else {
        panic!("there is no key");
    };
    let key = |text: &str| text.parse::<SigningKey>().unwrap();
    others
        .iter()
        .fold(SvixSignLayer::new(key(first)), |layer, other| {
            layer.also_sign_with(key(other))
        })
}
