//! Compressed bodies, with the middleware on either side of `RequestDecompressionLayer`.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tower::ServiceBuilder;
use tower_http::decompression::{DecompressionBody, RequestDecompressionLayer};
use tower_svix::VerifiedEvent;
use tower_svix_tests::http1::{Answer, Connection, head};
use tower_svix_tests::hyper_server;
use tower_svix_tests::net::{BODY_LIMIT, Delivery, SECRET, layer};
use tower_svix_tests::sender::Sender;

const PLAIN: &str =
    r#"{"type":"job.completed","data":{"text":"a text that repeats a text that repeats"}}"#;

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().into()
}

/// Returns a delivery that is signed first and then compressed.
fn signed_then_compressed(plain: impl Into<Bytes>) -> Delivery {
    let mut delivery = Delivery::genuine("msg_1", plain);
    delivery.body = gzip(&delivery.body);
    delivery
}

/// Returns a delivery that is compressed first and then signed. `standardwebhooks` signs text only.
fn compressed_then_signed(plain: &[u8]) -> Delivery {
    let body = gzip(plain);
    let mut delivery = Delivery::forged("msg_1", body.clone());
    let signature = Sender::with_secret(SECRET).sign(b"msg_1", delivery.timestamp(), &body);
    delivery.set("webhook-signature", &signature);
    delivery
}

/// Responds with the body that it reads. If `is_signed`, that body is also the payload of the event.
async fn echo<B>(request: Request<B>, is_signed: bool) -> Result<Response<Full<Bytes>>, B::Error>
where
    B: Body,
{
    let (head, body) = request.into_parts();
    let read = body.collect().await?.to_bytes();
    let event: &VerifiedEvent = head.extensions.get().unwrap();
    assert_eq!(event.payload() == &read, is_signed);
    Ok(Response::new(Full::new(read)))
}

/// Starts a server that decompresses and then verifies. Also returns the number of decompressed bytes.
async fn decompressing_outside() -> (SocketAddr, Arc<AtomicUsize>) {
    let decompressed = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&decompressed);
    let count = move |frame: Frame<Bytes>| {
        let len = frame.data_ref().map_or(0, Bytes::len);
        counter.fetch_add(len, Ordering::Relaxed);
        frame
    };
    let service = ServiceBuilder::new()
        .layer(RequestDecompressionLayer::new())
        .map_request(move |request: Request<DecompressionBody<Incoming>>| {
            request.map(|body| body.map_frame(count.clone()))
        })
        .layer(layer())
        .service_fn(|request| async { Ok::<_, Infallible>(echo(request, true).await.unwrap()) });
    (hyper_server::serve(service).await, decompressed)
}

/// Starts a server that verifies and then decompresses.
async fn decompressing_inside() -> SocketAddr {
    let service = ServiceBuilder::new()
        .layer(layer())
        .layer(RequestDecompressionLayer::new())
        .service_fn(|request| echo(request, false));
    hyper_server::serve(service).await
}

async fn post(server: SocketAddr, delivery: &Delivery, encoding: &str) -> Answer {
    let headers = format!(
        "content-encoding: {encoding}\r\ncontent-length: {}\r\nconnection: close\r\n",
        delivery.body.len()
    );
    let mut connection = Connection::open(server).await;
    connection.write(head(delivery, &headers)).await;
    connection.try_write(&delivery.body).await;
    connection.answer().await
}

#[track_caller]
fn assert_rejected(answer: &Answer, status: u16, code: &str) {
    let start = answer.body.get(..200).unwrap_or(&answer.body);
    assert_eq!(answer.status, status, "{start}");
    assert!(answer.body.contains(code), "{start}");
}

#[tokio::test]
async fn what_is_signed_then_compressed_is_verified_after_decompression() {
    let (server, _) = decompressing_outside().await;
    let answer = post(server, &signed_then_compressed(PLAIN), "gzip").await;
    assert_eq!((answer.status, &*answer.body), (200, PLAIN));
    // A body without compression goes through the same layers.
    let answer = post(server, &Delivery::genuine("msg_2", PLAIN), "identity").await;
    assert_eq!((answer.status, &*answer.body), (200, PLAIN));
}

#[tokio::test]
async fn what_is_compressed_then_signed_is_verified_before_decompression() {
    let server = decompressing_inside().await;
    let delivery = compressed_then_signed(PLAIN.as_bytes());
    let answer = post(server, &delivery, "gzip").await;
    assert_eq!((answer.status, &*answer.body), (200, PLAIN));
}

#[tokio::test]
async fn the_wrong_order_rejects_what_is_genuine() {
    let (server, _) = decompressing_outside().await;
    let delivery = compressed_then_signed(PLAIN.as_bytes());
    let answer = post(server, &delivery, "gzip").await;
    assert_rejected(&answer, 401, "signature-mismatch");

    let server = decompressing_inside().await;
    let answer = post(server, &signed_then_compressed(PLAIN), "gzip").await;
    assert_rejected(&answer, 401, "signature-mismatch");
}

#[tokio::test]
async fn a_body_that_only_claims_to_be_compressed_is_rejected() {
    let (server, _) = decompressing_outside().await;
    let mut truncated = signed_then_compressed(PLAIN);
    truncated.body.truncate(truncated.body.len() - 9);
    for delivery in [&Delivery::genuine("msg_1", PLAIN), &truncated] {
        let answer = post(server, delivery, "gzip").await;
        assert_rejected(&answer, 503, "body-unreadable");
    }
}

#[tokio::test]
async fn the_limit_is_for_what_comes_out_of_the_decompression() {
    let (server, _) = decompressing_outside().await;
    for (plain, status) in [(BODY_LIMIT, 200), (BODY_LIMIT + 1, 413)] {
        let delivery = signed_then_compressed(vec![b'x'; plain]);
        assert_eq!(post(server, &delivery, "gzip").await.status, status);
    }
}

#[tokio::test]
async fn a_bomb_is_decompressed_up_to_the_limit_only() {
    let (server, decompressed) = decompressing_outside().await;
    let bomb = signed_then_compressed(vec![b'x'; 256 * BODY_LIMIT]);
    // The bytes on the wire are within the limit.
    assert!(bomb.body.len() < BODY_LIMIT);
    let answer = post(server, &bomb, "gzip").await;
    assert_rejected(&answer, 413, "body-too-large");
    let decompressed = decompressed.load(Ordering::Relaxed);
    assert!(decompressed < 2 * BODY_LIMIT, "{decompressed}");
}
