//! The same service, without verification and behind each peer.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Either, Empty, Full};
use tower::util::MapRequestLayer;
use tower::{BoxError, Layer as _, Service, service_fn};
use tower_github_webhook::ValidateGitHubWebhookLayer;
use tower_svix::{ResponseBody, Secret, SvixVerifyLayer, VerifiedBody};
use webhook_verify::Provider;
use webhook_verify::tower::VerifyLayer;

use crate::delivery::SECRET;
use crate::least::{self, Step};

/// The body of a request.
pub trait RequestBody: Body<Data = Bytes, Error: Debug + Into<BoxError>> + Send + 'static {}

impl<B: Body<Data = Bytes, Error: Debug + Into<BoxError>> + Send + 'static> RequestBody for B {}

/// A service that responds with 200 to everything that it accepts.
pub trait Receiver<B, R>:
    Service<Request<B>, Response = Response<R>, Error: Debug + Into<BoxError>> + Clone
{
}

impl<B, R, S: Service<Request<B>, Response = Response<R>, Error: Debug + Into<BoxError>> + Clone>
    Receiver<B, R> for S
{
}

#[must_use]
pub fn unverified<B: RequestBody>() -> impl Receiver<B, Full<Bytes>> {
    service_fn(async |request: Request<B>| answer(collect(request.into_body()).await).await)
}

/// Returns the service behind a layer that does nothing.
#[must_use]
pub fn behind_no_op_layer<B: RequestBody>() -> impl Receiver<B, Full<Bytes>> {
    MapRequestLayer::new(|request: Request<B>| request).layer(unverified())
}

/// Returns a service that rejects everything without reading the body.
#[must_use]
pub fn rejecting<B: RequestBody>() -> impl Receiver<B, Full<Bytes>> {
    service_fn(async |request: Request<B>| {
        drop(request);
        let mut rejection = Response::default();
        *rejection.status_mut() = StatusCode::UNAUTHORIZED;
        Ok::<_, Infallible>(rejection)
    })
}

/// The handler of each service. It does nothing with the collected body.
fn answer(body: Bytes) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    black_box(body);
    ready(Ok(Response::default()))
}

async fn collect<B: Body<Error: Debug>>(body: B) -> Bytes {
    body.collect().await.expect("a whole body").to_bytes()
}

/// Returns the service behind the least layer.
#[must_use]
pub fn least<B: RequestBody>(step: Step) -> impl Receiver<B, Full<Bytes>> {
    let receive = service_fn(|request: Request<Bytes>| answer(request.into_body()));
    least::layer(step, receive)
}

#[must_use]
pub fn tower_svix<B: RequestBody>(
    layer: &SvixVerifyLayer,
) -> impl Receiver<B, ResponseBody<Full<Bytes>>> + use<B> {
    layer.layer(service_fn(|request: Request<VerifiedBody>| {
        answer(request.into_body().into_bytes())
    }))
}

/// Returns our layer as a user makes it. It limits bodies to 2 MiB; the peers on Tower have no limit.
pub fn tower_svix_layer() -> SvixVerifyLayer {
    let secret: Secret = SECRET.parse().expect("valid");
    SvixVerifyLayer::new(secret)
}

#[must_use]
pub fn svix<B: RequestBody>() -> impl Receiver<B, Full<Bytes>> {
    let webhook = Arc::new(svix::webhooks::Webhook::new(SECRET).expect("valid"));
    by_hand(move |body, headers| webhook.verify(body, headers).is_ok())
}

#[must_use]
pub fn standardwebhooks<B: RequestBody>() -> impl Receiver<B, Full<Bytes>> {
    let webhook = Arc::new(standardwebhooks::Webhook::new(SECRET).expect("valid"));
    by_hand(move |body, headers| webhook.verify(body, headers).is_ok())
}

#[must_use]
pub fn webhook_verify<B: RequestBody>() -> impl Receiver<B, Full<Bytes>> {
    let secret = webhook_verify::Secret::new(SECRET);
    VerifyLayer::<Bytes>::new(Provider::StandardWebhooks, secret).layer(service_fn(
        |request: Request<Bytes>| answer(request.into_body()),
    ))
}

/// Verifies GitHub's own scheme.
#[must_use]
pub fn tower_github_webhook<B: RequestBody>() -> impl Receiver<B, Either<Full<Bytes>, Empty<Bytes>>>
{
    ValidateGitHubWebhookLayer::new(SECRET).layer(service_fn(|request: Request<Full<Bytes>>| {
        answer(request.into_body().into_inner().unwrap_or_default())
    }))
}

/// Wraps a crate that has a function to verify with, and no service.
fn by_hand<B: RequestBody>(
    verify: impl Fn(&[u8], &HeaderMap) -> bool + Clone,
) -> impl Receiver<B, Full<Bytes>> {
    service_fn(move |request: Request<B>| {
        let verify = verify.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = collect(body).await;
            if verify(&body, &head.headers) {
                return answer(body).await;
            }
            let mut rejection = Response::default();
            *rejection.status_mut() = StatusCode::UNAUTHORIZED;
            Ok(rejection)
        }
    })
}
