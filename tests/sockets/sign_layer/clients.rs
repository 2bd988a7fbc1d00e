//! The layer with the HTTP clients that people use.

use std::pin::pin;

use futures_util::{FutureExt as _, poll};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};
use tower_svix::Keyring;
use tower_svix::SvixSignLayer;
use tower_svix::sign::{SignedBody, SvixSignError};
use tower_svix_tests::keys::{BODY, ID, secret, sender};
use tower_test::mock;

use super::round_trip::serve;
use super::signing_key;

/// Returns a layer that signs with the key of sender 1 at the current time.
fn layer() -> SvixSignLayer {
    SvixSignLayer::new(signing_key(&sender(1)))
}

fn to(url: &str) -> Request<Full<bytes::Bytes>> {
    Request::post(url).body(Full::from(BODY)).unwrap()
}

#[tokio::test]
async fn reqwest_sends_what_was_signed() {
    // If the whole workspace is built, an example enables TLS in reqwest, which then needs this even without TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let keyring = Keyring::from(secret(&sender(1)));
    let address = serve(keyring.clone()).await;
    let client = ServiceBuilder::new()
        .layer(layer())
        .map_request(|request: Request<SignedBody>| {
            reqwest::Request::try_from(request.map(SignedBody::into_bytes)).unwrap()
        })
        .service(reqwest::Client::new());

    let url = format!("http://{address}/webhook");
    let response = client.clone().oneshot(to(&url)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["x-key-index"], "0");
    assert_eq!(response.bytes().await.unwrap(), BODY);

    keyring.replace([secret(&sender(2))]);
    let response = client.oneshot(to(&url)).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

/// A retry with the id of the first attempt, as senders make it.
#[tokio::test]
async fn a_receiver_sees_the_same_id_in_a_retry() {
    let address = serve(Keyring::from(secret(&sender(1)))).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<SignedBody>();
    let client = layer().layer(client);
    for _ in 0..2 {
        let mut request = to(&format!("http://{address}/webhook"));
        request
            .headers_mut()
            .insert("webhook-id", HeaderValue::from_static(ID));
        let response = client.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-id"], ID);
        response.into_body().collect().await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_cannot_connect_tells_so_itself() {
    // Nobody listens on this port any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::builder(TokioExecutor::new()).build_http::<SignedBody>();
    match layer().layer(client).oneshot(to(&url)).await {
        Err(SvixSignError::Client(error)) => assert!(error.is_connect(), "{error:?}"),
        other => panic!("{other:?}"),
    }
}

/// Only signed requests ask a client with a limit for capacity. It is not called before it has some.
#[tokio::test]
async fn only_a_signed_request_asks_the_client_for_capacity() {
    let (client, mut handle) = mock::pair::<Request<SignedBody>, ()>();
    handle.allow(0);
    let client = layer().layer(client);
    let send = |id| {
        let mut request = to("http://localhost/");
        let id = HeaderValue::from_static(id);
        request.headers_mut().insert("webhook-id", id);
        client.clone().oneshot(request)
    };

    let rejected = send("not.valid")
        .now_or_never()
        .expect("it waits for nothing");
    assert!(
        matches!(rejected, Err(SvixSignError::Sign(_))),
        "{rejected:?}"
    );

    let mut response = pin!(send(ID));
    assert!(poll!(&mut response).is_pending());
    handle.allow(1);
    assert!(poll!(&mut response).is_pending());
    let (request, answer) = handle.next_request().await.unwrap();
    assert_eq!(request.headers()["webhook-id"], ID);
    answer.send_response(());
    response.await.unwrap();
}
