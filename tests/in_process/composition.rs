//! The layer together with the layers that people use outside and inside it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Extension, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};
use tower_http::trace::TraceLayer;
use tower_svix::{Rejection, VerifiedBody, VerifiedEvent};
use tower_svix_tests::requests::{
    BODY, ID, NOW, forged, genuine, head, head_with_signature, layer, read, signature, stalled_body,
};

const SECOND: Duration = Duration::from_secs(1);

/// [`requests::BODY`], compressed with `gzip -9n`, in base64.
const GZIPPED: &str =
    "H4sIAAAAAAACA6tWKqksSFWyUsrKT9JLzs8tyEktSU1R0lFKSSxJVLKqBonHZ6YAFRgq1dYCAO60HSouAAAA";
/// The signature of these bytes, made with OpenSSL, because `standardwebhooks` signs text only.
const GZIPPED_SIGNATURE: &str = "v1,kQCPn4qkQsPgoMCzKNaUZ1Ef3+OtiNPfh7nwS2ucJTM=";

/// Returns [`requests::BODY`], compressed with gzip, with any text as the signature.
fn gzipped(signature: &str) -> Request<Full<Bytes>> {
    let body = STANDARD.decode(GZIPPED).unwrap();
    head_with_signature(signature)
        .header(CONTENT_ENCODING, "gzip")
        .body(Full::from(body))
        .unwrap()
}

/// Responds with the body of the request.
async fn echo<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible>
where
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    Ok(Response::new(Full::new(read(request.into_body()).await)))
}

#[tokio::test]
async fn a_trace_layer_can_be_on_either_side_and_sees_the_rejection_outside() {
    let seen = Arc::new(Mutex::new(None));
    let outside = TraceLayer::new_for_http().on_response({
        let seen = Arc::clone(&seen);
        move |response: &Response<_>, _: Duration, _: &tracing::Span| {
            *seen.lock().unwrap() = response.extensions().get::<Rejection>().copied();
        }
    });
    let service = ServiceBuilder::new()
        .layer(outside)
        .layer(layer())
        .layer(TraceLayer::new_for_http())
        .service_fn(echo::<VerifiedBody>);

    let response = service.clone().oneshot(genuine()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(*seen.lock().unwrap(), None);
    assert_eq!(read(response.into_body()).await, BODY);

    let response = service.oneshot(forged()).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let code = seen.lock().unwrap().map(|rejection| rejection.code());
    assert_eq!(code, Some("signature-mismatch"));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_ends_a_stalled_upload() {
    let service = ServiceBuilder::new()
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            SECOND,
        ))
        .layer(layer())
        .service_fn(echo::<VerifiedBody>);

    let stalled = head(BODY).body(stalled_body()).unwrap();
    let response = service.clone().oneshot(stalled).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);

    let response = service.oneshot(genuine()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_inside_bounds_the_handler_and_not_the_upload() {
    let slow = |_: Request<VerifiedBody>| pending::<Result<Response<Full<Bytes>>, Infallible>>();
    let service = ServiceBuilder::new()
        .layer(layer())
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            SECOND,
        ))
        .service_fn(slow);

    let response = service.clone().oneshot(genuine()).await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);

    let stalled = head(BODY).body(stalled_body()).unwrap();
    let upload = tokio::time::timeout(SECOND * 60, service.oneshot(stalled));
    assert!(upload.await.is_err(), "the upload goes on");
}

#[tokio::test(start_paused = true)]
async fn a_body_timeout_outside_rejects_a_stalled_upload() {
    let service = ServiceBuilder::new()
        .layer(RequestBodyTimeoutLayer::new(SECOND))
        .layer(layer())
        .service_fn(echo::<VerifiedBody>);

    let stalled = head(BODY).body(stalled_body()).unwrap();
    let response = service.clone().oneshot(stalled).await.unwrap();
    assert_eq!(
        response.extensions().get(),
        Some(&Rejection::BodyUnreadable)
    );

    let response = service.oneshot(genuine()).await.unwrap();
    assert_eq!(read(response.into_body()).await, BODY);
}

#[tokio::test]
async fn behind_decompression_the_signature_is_over_the_plain_bytes() {
    let service = ServiceBuilder::new()
        .layer(RequestDecompressionLayer::new())
        .layer(layer())
        .service_fn(echo::<VerifiedBody>);
    let [over_plain, over_compressed] = [&*signature(NOW, BODY), GZIPPED_SIGNATURE].map(gzipped);

    let response = service.clone().oneshot(over_plain).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(read(response.into_body()).await, BODY);

    let response = service.oneshot(over_compressed).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn in_front_of_decompression_the_signature_is_over_the_compressed_bytes() {
    let service = ServiceBuilder::new()
        .layer(layer())
        .layer(RequestDecompressionLayer::new())
        .service_fn(echo);
    let [over_plain, over_compressed] = [&*signature(NOW, BODY), GZIPPED_SIGNATURE].map(gzipped);

    let response = service.clone().oneshot(over_compressed).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(read(response.into_body()).await, BODY);

    let response = service.oneshot(over_plain).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

async fn receive(Extension(event): Extension<VerifiedEvent>, body: Bytes) -> String {
    assert_eq!(event.payload(), &body);
    event.id().to_owned()
}

fn axum(request: Request<Full<Bytes>>) -> axum::extract::Request {
    request.map(axum::body::Body::new)
}

fn to(path: &'static str, mut request: Request<Full<Bytes>>) -> axum::extract::Request {
    *request.uri_mut() = http::Uri::from_static(path);
    axum(request)
}

#[tokio::test]
async fn router_layer_guards_all_that_was_added_before_and_the_fallback() {
    let app = Router::new()
        .route("/webhook", post(receive))
        .layer(layer())
        .route("/health", get(|| async {}));

    let cases = [
        ("a genuine delivery", to("/webhook", genuine()), 200),
        ("a forged delivery", to("/webhook", forged()), 401),
        ("a forged delivery to no route", to("/other", forged()), 401),
        (
            "a route that was added later",
            axum(Request::get("/health").body(Full::default()).unwrap()),
            200,
        ),
    ];
    for (name, request, status) in cases {
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{name}");
    }
}

#[tokio::test]
async fn route_layer_guards_routes_and_leaves_the_fallback_alone() {
    let app = Router::new()
        .route("/webhook", post(receive))
        .route_layer(layer());

    let response = app.clone().oneshot(to("/webhook", genuine())).await;
    assert_eq!(read(response.unwrap().into_body()).await, ID);
    let response = app.clone().oneshot(to("/webhook", forged())).await;
    assert_eq!(response.unwrap().status(), StatusCode::UNAUTHORIZED);
    let response = app.oneshot(to("/other", forged())).await;
    assert_eq!(response.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_method_router_can_be_guarded_alone() {
    let app = Router::new()
        .route("/webhook", post(receive).layer(layer()))
        .route("/open", post(|body: Bytes| async { body }));

    let response = app.clone().oneshot(to("/webhook", forged())).await;
    assert_eq!(response.unwrap().status(), StatusCode::UNAUTHORIZED);
    let response = app.clone().oneshot(to("/webhook", genuine())).await;
    assert_eq!(response.unwrap().status(), StatusCode::OK);
    let response = app.oneshot(to("/open", forged())).await;
    assert_eq!(response.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn axums_own_limit_bounds_the_bytes_extractor_and_not_the_event() {
    let large = Bytes::from(vec![b' '; 3 * 1024 * 1024]);
    let delivery = || axum(head(&large).body(Full::new(large.clone())).unwrap());
    let by_extractor = post(|body: Bytes| async move { body.len().to_string() });
    let by_event = post(|Extension(event): Extension<VerifiedEvent>| async move {
        event.payload().len().to_string()
    });
    let layer = layer().body_limit(large.len());

    let cases = [
        ("extractor", by_extractor.clone().layer(layer.clone()), 413),
        ("event", by_event.layer(layer.clone()), 200),
        (
            "extractor without axum's limit",
            by_extractor.layer((layer, DefaultBodyLimit::disable())),
            200,
        ),
    ];
    for (name, route, status) in cases {
        let app = Router::new().route("/webhook", route);
        let response = app.oneshot(delivery()).await.unwrap();
        assert_eq!(response.status(), status, "{name}");
    }
}
