//! Every public type with `Debug` or `Display`, with secrets in it.

use std::convert::Infallible;
use std::fmt::{Debug, Display};
use std::future::ready;
use std::io;

use axum::body::Body;
use axum::extract::FromRequestParts as _;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};
use tower_svix::SvixSignLayer;
use tower_svix::diagnose::Diagnosis;
use tower_svix::extract::{VerifiedJson, VerifiedJsonRejection};
use tower_svix::idempotency::{
    ClaimStatus, ClaimToken, EventKey, Fingerprint, MemoryStore, Outcome, Settlement, StoreError,
};
use tower_svix::sign::generate;
use tower_svix::sign::{SignedBody, SvixSignError};
use tower_svix::test_util::{Fixture, ManualClock, SignedRequest};
use tower_svix::{
    HeaderFamily, IdempotencyLayer, KeyringMap, PrivateKey, PublicKey, Rejection, Secret,
    SignError, SigningKey, SystemClock, VerifiedBody, VerifiedEvent, Verifier, VerifyError,
    VerifyingKey, key_source_fn,
};
use tower_svix_tests::clock::At;

use super::canaries::{BODY_TEXT, ID, NOW, TEXT_KEY, body, hmac_text, private_text, public_text};
use super::deliveries::{genuine, keyring, layer};
use super::keys;

/// Types without fields that no test can make.
pub(crate) const HOLD_NOTHING: &[&str] = &["RandomnessUnavailable"];

/// Returns the name of each type, and its output.
pub(crate) fn shown() -> Vec<(&'static str, String)> {
    let mut shown = keys_of_a_receiver();
    shown.extend(verification());
    shown.extend(middleware());
    shown.extend(idempotency());
    shown.extend(sender());
    shown.extend(errors());
    shown.extend(diagnosis());
    shown
}

fn keys_of_a_receiver() -> Vec<(&'static str, String)> {
    let secrets = [
        hmac_text().parse::<Secret>().unwrap(),
        Secret::text_key_with_hex_signatures(TEXT_KEY).unwrap(),
    ];
    let public: PublicKey = public_text().parse().unwrap();
    let source = key_source_fn(|_: &Parts| ready(Ok::<_, Infallible>(Some(keyring()))));
    vec![
        ("Secret", debug(&secrets)),
        ("VerifyingKey", debug(&VerifyingKey::from(public.clone()))),
        ("PublicKey", debug(&public)),
        ("KeySourceFn", debug(&source)),
        ("Keyring", debug(&keyring())),
        (
            "KeyringMap",
            debug(&KeyringMap::by_path_segment(0, [("acme", keyring())])),
        ),
    ]
}

fn verification() -> Vec<(&'static str, String)> {
    let verifier = Verifier::new(keyring()).clock(At(NOW));
    let delivery = genuine();
    let mut verification = verifier.start(delivery.headers()).unwrap();
    verification.update(body().as_bytes());
    let under_way = debug(&verification);
    let event = verification.finish().unwrap();
    let (mut head, _) = genuine().into_parts();
    head.extensions.insert(event.clone());
    // A payload is shown as its own type does.
    let json = VerifiedJson::<IgnoredAny>::from_request_parts(&mut head, &());
    let json = json.now_or_never().unwrap().unwrap();
    vec![
        ("Verifier", debug(&verifier)),
        ("Verification", under_way),
        ("VerifiedEvent", debug(&event)),
        ("extract::VerifiedJson", debug(&json)),
        ("HeaderFamily", debug(&event.header_family())),
        ("SystemClock", debug(&SystemClock)),
    ]
}

fn middleware() -> Vec<(&'static str, String)> {
    let service = layer().layer(service_fn(give_back));
    let future = service.clone().call(genuine());
    let response = service
        .clone()
        .oneshot(genuine())
        .now_or_never()
        .unwrap()
        .unwrap();
    let body = response.into_body();
    vec![
        ("SvixVerifyLayer", debug(&layer())),
        ("verify::SvixVerify", debug(&layer().layer("inner"))),
        ("verify::ResponseFuture", debug(&future)),
        ("ResponseBody", debug(&body)),
        ("VerifiedBody", debug(&body)),
    ]
}

async fn give_back(request: Request<VerifiedBody>) -> Result<Response<VerifiedBody>, Infallible> {
    Ok(Response::new(request.into_body()))
}

fn idempotency() -> Vec<(&'static str, String)> {
    let layer = IdempotencyLayer::new(MemoryStore::new());
    let service = service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(())) });
    let future = layer.layer(service).call(genuine());
    let store_error = StoreError::new("the store is away");
    vec![
        ("idempotency::ClaimStatus", debug(&ClaimStatus::Claimed)),
        (
            "idempotency::ClaimToken",
            both(&ClaimToken::from_bytes([7; 16])),
        ),
        (
            "idempotency::EventKey",
            both(&EventKey::new(Some("acme"), ID)),
        ),
        (
            "idempotency::Fingerprint",
            both(&Fingerprint::of(b"another payload")),
        ),
        ("idempotency::Idempotency", debug(&layer.layer("inner"))),
        ("IdempotencyLayer", debug(&layer)),
        ("idempotency::MemoryStore", debug(&MemoryStore::new())),
        ("idempotency::Outcome", both(&Outcome::StoreUnavailable)),
        ("idempotency::ResponseFuture", debug(&future)),
        ("idempotency::Settlement", debug(&Settlement::Done)),
        ("idempotency::StoreError", keys::show(&store_error)),
    ]
}

/// Returns the findings for a delivery whose body got a line break on its way.
fn diagnosis() -> Vec<(&'static str, String)> {
    let (head, _) = genuine().into_parts();
    let body = format!("{}\n", body());
    let text = hmac_text();
    let examination = Diagnosis::of(&text, &head.headers, body.as_bytes());
    let examined = debug(&examination);
    let diagnosis = examination.at(NOW);
    let failure = diagnosis.verdict().unwrap_err();
    let saved = Fixture::from_request(Request::from_parts(head.clone(), body.clone().into()));
    vec![
        ("diagnose::Examination", examined),
        ("diagnose::Diagnosis", both(&diagnosis)),
        ("diagnose::Failure", both(failure)),
        ("diagnose::Finding", both(&diagnosis.findings()[0])),
        ("diagnose::Work", debug(&diagnosis.work())),
        ("test_util::Fixture", debug(&saved.unwrap())),
        (
            "test_util::FixtureError",
            both(&Fixture::parse(&body).unwrap_err()),
        ),
        (
            "InvalidHeaderNames",
            both(&HeaderFamily::prefixed("a b").unwrap_err()),
        ),
    ]
}

fn sender() -> Vec<(&'static str, String)> {
    let private = || private_text().parse::<SigningKey>().unwrap();
    let secret = || hmac_text().parse::<SigningKey>().unwrap();
    let layer = SvixSignLayer::new(private())
        .also_sign_with(secret())
        .clock(At(NOW));
    let client = service_fn(|request: Request<SignedBody>| async { Ok::<_, Infallible>(request) });
    let request = || Request::new(Full::new(Bytes::from(body())));
    let future = layer.layer(client).call(request());
    let sent = layer
        .layer(client)
        .oneshot(request())
        .now_or_never()
        .unwrap()
        .unwrap();
    let generated = generate::secret().unwrap();
    let text = debug(&generated);
    assert!(
        !text.contains(&generated.expose()["whsec_".len()..]),
        "{text}"
    );
    let pair = generate::key_pair().unwrap();
    let keys = debug(&pair);
    assert!(
        !keys.contains(&pair.private().expose()["whsk_".len()..]),
        "{keys}"
    );
    vec![
        ("SigningKey", debug(&[private(), secret()])),
        (
            "PrivateKey",
            debug(&private_text().parse::<PrivateKey>().unwrap()),
        ),
        ("sign::generate::KeyPair", keys),
        ("sign::generate::SecretText", text),
        ("sign::ResponseFuture", debug(&future)),
        ("sign::SignedBody", debug(sent.body())),
        ("sign::SvixSign", debug(&layer.layer("client"))),
        ("SvixSignLayer", debug(&layer)),
        ("test_util::ManualClock", debug(&ManualClock::new(NOW))),
        (
            "test_util::SignedRequest",
            debug(
                &SignedRequest::new(private())
                    .also_sign_with(secret())
                    .body(body()),
            ),
        ),
    ]
}

fn errors() -> Vec<(&'static str, String)> {
    let event = Verifier::new(keyring()).clock(At(NOW));
    let event = event
        .verify(genuine().headers(), body().as_bytes())
        .unwrap();
    let shape = event.json::<u64>().unwrap_err();
    let mismatch = event.json::<Payload>().unwrap_err();
    let (mut head, _) = genuine().into_parts();
    let missing = VerifiedEvent::from_request_parts(&mut head, &());
    let missing = missing.now_or_never().unwrap().unwrap_err();
    let sign_error: SvixSignError<io::Error, io::Error> = SignError::InvalidId.into();
    vec![
        ("PayloadError", keys::show(&shape) + &keys::show(&mismatch)),
        (
            "Rejection",
            keys::show(&Rejection::from(VerifyError::SignatureMismatch)),
        ),
        (
            "KeyError",
            keys::show(&BODY_TEXT[..3].parse::<Secret>().unwrap_err()),
        ),
        ("SignError", keys::show(&SignError::InvalidId)),
        (
            "VerifyError",
            keys::show(&VerifyError::MissingHeader("webhook-id")),
        ),
        ("extract::MissingEvent", keys::show(&missing)),
        (
            "extract::VerifiedJsonRejection",
            keys::show(&VerifiedJsonRejection::Payload(mismatch)),
        ),
        ("sign::SvixSignError", keys::show(&sign_error)),
    ]
}

#[derive(Debug, Deserialize)]
struct Payload {
    #[expect(dead_code, reason = "it cannot be read")]
    data: Data,
}

#[derive(Debug, Deserialize)]
struct Data {
    #[expect(dead_code, reason = "it is a text")]
    count: u64,
}

fn debug(value: &dyn Debug) -> String {
    format!("{value:?} {value:#?}")
}

fn both<T: Debug + Display>(value: &T) -> String {
    format!("{value} {}", debug(value))
}
