//! The layer in front of tonic, over sockets, with calls signed by the official library.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tower::util::MapRequestLayer;
use tower::{BoxError, ServiceBuilder, ServiceExt as _, service_fn};
use tower_svix::{Rejection, SvixVerifyLayer, VerifiedBody, VerifiedEvent};
use tower_svix_tests::http2::{self, frames};
use tower_svix_tests::net::{Delivery, Inbox, Receiver, layer, within};

use crate::grpc_server;

const CHECK: &str = "/grpc.health.v1.Health/Check";
const GRPC: [(&str, &str); 2] = [("content-type", "application/grpc"), ("te", "trailers")];
/// An empty message, which asks for the health of the whole server.
const EMPTY_MESSAGE: Bytes = Bytes::from_static(&[0, 0, 0, 0, 0]);

async fn start(layer: SvixVerifyLayer) -> Receiver {
    let inbox = Inbox::default();
    let inner_inbox = inbox.clone();
    let record = MapRequestLayer::new(move |request: Request<VerifiedBody>| {
        let event: &VerifiedEvent = request.extensions().get().unwrap();
        inner_inbox.put(event, request.body().clone().into_bytes());
        request
    });
    let address = grpc_server::start(ServiceBuilder::new().layer(layer).layer(record)).await;
    Receiver { address, inbox }
}

async fn connect(receiver: &Receiver) -> Channel {
    let endpoint = Endpoint::try_from(format!("http://{}", receiver.address)).unwrap();
    within(endpoint.connect()).await.unwrap()
}

/// Returns a client with requests that are signed by `sign` and sent in frames of `frame_size` bytes.
fn client(
    channel: Channel,
    sign: fn(&str, Bytes) -> Delivery,
    frame_size: usize,
) -> HealthClient<impl GrpcService<Body, ResponseBody = Body>> {
    HealthClient::new(service_fn(move |request: Request<Body>| {
        let channel = channel.clone();
        async move {
            let (mut head, body) = request.into_parts();
            let delivery = sign("msg_1", body.collect().await?.to_bytes());
            head.headers.extend(delivery.headers());
            let body = Body::new(frames(&delivery.body, frame_size));
            let request = Request::from_parts(head, body);
            Ok::<_, BoxError>(channel.oneshot(request).await?)
        }
    }))
}

fn grpc_rejection(rejection: &Rejection) -> Response<Bytes> {
    Status::permission_denied(rejection.code()).into_http()
}

#[tokio::test]
async fn a_signed_call_is_answered_in_any_frames() {
    let receiver = start(layer()).await;
    let channel = connect(&receiver).await;
    for frame_size in [1, 3, 1024] {
        let mut client = client(channel.clone(), Delivery::genuine, frame_size);
        let response = within(client.check(HealthCheckRequest::default())).await;
        assert_eq!(
            response.unwrap().into_inner().status(),
            ServingStatus::Serving
        );
    }
    let expected = Delivery::genuine("msg_1", EMPTY_MESSAGE);
    receiver.inbox.assert_holds(&[&expected; 3]);
}

#[tokio::test]
async fn a_stream_of_responses_passes_through() {
    let receiver = start(layer()).await;
    let mut client = client(connect(&receiver).await, Delivery::genuine, 1024);
    let response = within(client.watch(HealthCheckRequest::default())).await;
    let mut stream = response.unwrap().into_inner();
    let first = within(stream.message()).await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
}

#[tokio::test]
async fn an_error_of_the_service_keeps_its_code() {
    let receiver = start(layer()).await;
    let mut client = client(connect(&receiver).await, Delivery::genuine, 1024);
    let unknown = HealthCheckRequest {
        service: "unknown".into(),
    };
    let status = within(client.check(unknown)).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

/// A gRPC call that fails has HTTP status 200.
#[tokio::test]
async fn a_failed_call_is_processed_when_it_is_repeated_and_then_never_again() {
    use tower_svix::IdempotencyLayer;
    use tower_svix::idempotency::MemoryStore;

    let once = IdempotencyLayer::new(MemoryStore::new());
    let address = grpc_server::start(ServiceBuilder::new().layer(layer()).layer(once)).await;
    let inbox = Inbox::default();
    let channel = connect(&Receiver { address, inbox }).await;
    // All calls have the same id.
    let mut client = client(channel, Delivery::genuine, 1024);

    let unknown = HealthCheckRequest {
        service: "unknown".into(),
    };
    let failed = within(client.check(unknown)).await.unwrap_err();
    assert_eq!(failed.code(), Code::NotFound);
    let repeated = within(client.check(HealthCheckRequest::default())).await;
    assert_eq!(
        repeated.unwrap().into_inner().status(),
        ServingStatus::Serving
    );
    let duplicate = within(client.check(HealthCheckRequest::default())).await;
    assert_eq!(duplicate.unwrap_err().code(), Code::AlreadyExists);
}

#[tokio::test]
async fn a_forged_call_arrives_as_unauthenticated() {
    let receiver = start(layer()).await;
    let mut client = client(connect(&receiver).await, Delivery::forged, 1024);
    let status = within(client.check(HealthCheckRequest::default()))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert!(
        status.message().starts_with("signature-mismatch: "),
        "{}",
        status.message()
    );
    receiver.inbox.assert_holds(&[]);
}

#[tokio::test]
async fn an_opaque_rejection_is_unauthenticated_without_a_cause() {
    let receiver = start(layer().opaque_rejections()).await;
    let mut client = client(connect(&receiver).await, Delivery::forged, 1024);
    let status = within(client.check(HealthCheckRequest::default()))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.message(), "");
}

#[tokio::test]
async fn a_call_over_the_limit_has_exhausted_its_resources() {
    let receiver = start(layer().body_limit(4)).await;
    let mut client = client(connect(&receiver).await, Delivery::genuine, 1024);
    let status = within(client.check(HealthCheckRequest::default()))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn a_rejection_can_be_answered_as_the_user_likes() {
    let receiver = start(layer().rejection_response(grpc_rejection)).await;
    let mut client = client(connect(&receiver).await, Delivery::forged, 1024);
    let status = within(client.check(HealthCheckRequest::default()))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn the_default_rejection_is_headers_alone() {
    let receiver = start(layer()).await;
    let mut connection = http2::Connection::open(receiver.address).await;
    let forged = Delivery::forged("msg_1", EMPTY_MESSAGE);
    let body = frames(&forged.body, 1);
    let answer = connection.post(CHECK, &forged, &GRPC, body).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/grpc");
    assert_eq!(answer.headers["grpc-status"], "16");
    assert!(answer.body.is_empty(), "{:?}", answer.body);
    receiver.inbox.assert_holds(&[]);
}

#[tokio::test]
async fn a_call_that_breaks_off_never_reaches_the_service() {
    let receiver = start(layer()).await;
    http2::a_delivery_that_breaks_off_never_reaches_the_handler(
        receiver,
        CHECK,
        &GRPC,
        EMPTY_MESSAGE,
    )
    .await;
}
