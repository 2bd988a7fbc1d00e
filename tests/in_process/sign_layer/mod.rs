//! Requests that the layer signs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod headers;

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_svix::SigningKey;
use tower_svix::SvixSignLayer;
use tower_svix::sign::{SignedBody, SvixSignError};
use tower_svix_tests::clock::At;
use tower_svix_tests::keys::{self, BODY, NOW};
use tower_svix_tests::sender::Sender;

/// Returns the sender's form of the key.
fn signing_key(sender: &Sender) -> SigningKey {
    sender.secret().parse().unwrap()
}

/// Returns a layer that signs with the key of sender 1 at [`NOW`].
fn layer() -> SvixSignLayer {
    SvixSignLayer::new(signing_key(&keys::sender(1))).clock(At(NOW))
}

fn request() -> Request<Full<Bytes>> {
    Request::post("http://localhost/webhook")
        .body(Full::from(BODY))
        .unwrap()
}

/// Returns the request that the client gets.
async fn signed<B>(
    layer: &SvixSignLayer,
    request: Request<B>,
) -> Result<Request<Bytes>, SvixSignError<Infallible, B::Error>>
where
    B: http_body::Body,
{
    let client = service_fn(|request: Request<SignedBody>| async {
        Ok::<_, Infallible>(Response::new(request))
    });
    let (head, body) = layer
        .layer(client)
        .oneshot(request)
        .await?
        .into_body()
        .into_parts();
    let Ok(body) = body.collect().await;
    Ok(Request::from_parts(head, body.to_bytes()))
}
