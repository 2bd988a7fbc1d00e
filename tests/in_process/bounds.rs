//! The trait bounds of frameworks on a layer and its services. The compiler checks them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use tower_svix::ResponseBody;
use tower_svix::verify::ResponseFuture;
use tower_svix::verify::SvixVerify;
use tower_svix::{
    Keyring, Rejection, Secret, SvixVerifyLayer, VerifiedBody, VerifiedEvent, Verifier,
};
use tower_svix_tests::requests::{self, BODY, head, layer};

type Answer = Response<Full<Bytes>>;
type Inner = tower::util::BoxCloneSyncService<Request<VerifiedBody>, Answer, Infallible>;

fn assert_shareable<T: Send + Sync + 'static>() {}
fn assert_cloneable<T: Clone + Debug + Send + Sync + 'static>() {}
fn assert_send<T: Send>(_: &T) {}

async fn accept(_: Request<VerifiedBody>) -> Result<Answer, Infallible> {
    Ok(Response::new(Full::default()))
}

#[test]
fn public_types_can_be_cloned_and_shared() {
    assert_cloneable::<SvixVerifyLayer>();
    assert_cloneable::<SvixVerify<()>>();
    assert_cloneable::<Verifier>();
    assert_cloneable::<Keyring>();
    assert_cloneable::<Secret>();
    assert_cloneable::<VerifiedEvent>();
    assert_cloneable::<VerifiedBody>();
    assert_cloneable::<Rejection>();
    assert_shareable::<ResponseBody<Full<Bytes>>>();
    assert_shareable::<SvixVerify<Inner>>();
}

#[test]
fn the_future_is_send_if_its_parts_are() {
    let future: ResponseFuture<Inner, Full<Bytes>> = layer()
        .layer(Inner::new(service_fn(accept)))
        .call(requests::genuine());
    assert_send(&future);
}

#[tokio::test]
async fn nothing_needs_to_be_send() {
    /// A body that is not `Send`, with the signed bytes in one frame.
    struct LocalBody(Rc<Cell<Option<&'static [u8]>>>);

    impl Body for LocalBody {
        type Data = &'static [u8];
        type Error = Rc<str>;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
            Poll::Ready(self.0.take().map(|data| Ok(Frame::data(data))))
        }
    }

    let calls = Rc::new(Cell::new(0));
    let inner = service_fn({
        let calls = Rc::clone(&calls);
        move |_: Request<VerifiedBody>| {
            calls.set(calls.get() + 1);
            async { Ok::<_, Rc<str>>(Response::new(Full::<Bytes>::default())) }
        }
    });
    let body = LocalBody(Rc::new(Cell::new(Some(BODY))));
    let response = layer()
        .layer(inner)
        .oneshot(head(BODY).body(body).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(calls.get(), 1);
}

#[test]
fn axum_takes_the_layer_on_routers_routes_and_methods() {
    use axum::Router;
    use axum::routing::post;

    let _: Router = Router::new()
        .route("/a", post(|| async {}).layer(layer()))
        .route("/b", post(|| async {}))
        .route_layer(layer())
        .layer(layer());
}

#[tokio::test]
async fn tonic_takes_the_layer() {
    let (_, health) = tonic_health::server::health_reporter();
    let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let serving = tonic::transport::Server::builder()
        .layer(layer())
        .add_service(health)
        .serve(address);
    assert_send(&serving);
}

#[tokio::test]
async fn hyper_takes_the_service_for_both_protocols() {
    let (io, _peer) = tokio::io::duplex(64);
    let service = TowerToHyperService::new(layer().layer(service_fn(accept)));
    let builder = auto::Builder::new(TokioExecutor::new());
    let serving = builder.serve_connection(TokioIo::new(io), service);
    assert_send(&serving);
}

/// The bounds of a runtime that passes whole requests one at a time, as AWS Lambda does.
#[tokio::test]
async fn a_runtime_for_functions_takes_the_service() {
    async fn run<'a, S, R>(mut handler: S, request: Request<Full<Bytes>>) -> StatusCode
    where
        S: Service<Request<Full<Bytes>>, Response = Response<R>> + Send,
        S::Future: Send + 'a,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Debug,
        R: Body + Send + Unpin + 'static,
        R::Data: Send,
        R::Error: Debug + Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let response = handler.ready().await.unwrap().call(request).await.unwrap();
        response.status()
    }

    let service = layer().layer(service_fn(accept));
    assert_eq!(run(service, requests::genuine()).await, StatusCode::OK);
}
