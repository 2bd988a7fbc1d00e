//! The cases of `tests/vectors` over real connections: bytes on a socket for HTTP/1.1, hyper's client for HTTP/2.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream;
use http::{Request, StatusCode, Version};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tower::Layer as _;
use tower_svix::{SvixVerifyLayer, VerifyingKey};
use tower_svix_tests::case::{self, Case, HttpVersion};
use tower_svix_tests::recorder::Recorder;

/// The one case with another verdict over HTTP/1.1: with a `content-length` of 40, the body has 40 bytes, and what
/// follows is not part of it. The other frames of the case cannot reach the middleware.
const CUT_BY_CONTENT_LENGTH: &str = "delivery-content-length-too-small-prefix-signed";

#[tokio::test]
async fn every_case_gets_its_verdict_over_http1() {
    let mut failures = Vec::new();
    let mut sent = 0;
    for case in case::expressible().filter(|case| case.name != CUT_BY_CONTENT_LENGTH) {
        let verdict = match case.keys() {
            Ok(secrets) => {
                sent += 1;
                over_http1(&case, secrets).await
            }
            Err(error) => case.judge_rejected_key(error),
        };
        if let Err(failure) = verdict {
            failures.push(format!("{}: {failure} ({})", case.name, case.reason));
        }
    }
    assert!(sent > 200, "{sent} cases were sent");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[tokio::test]
async fn bytes_after_the_content_length_are_not_part_of_a_delivery_over_http1() {
    let case = named(CUT_BY_CONTENT_LENGTH);
    let server = Server::start(case.layer(keys(&case))).await;

    let answer = exchange(server.address, &http1_request(&case), false).await;

    assert_eq!(status_of(&answer), Ok(StatusCode::OK));
    let calls = server.recorder.take_calls();
    let [call] = &calls[..] else {
        panic!("{} calls", calls.len());
    };
    assert_eq!(call.body, case.body()[..40]);
    assert_eq!(call.event.payload(), &call.body);
}

#[tokio::test]
async fn bytes_after_the_content_length_break_a_delivery_over_http2() {
    let case = named(CUT_BY_CONTENT_LENGTH);
    let server = Server::start(case.layer(keys(&case))).await;

    // The stream is reset, so there may be no response. The test checks that the handler is not called.
    if let Ok(status) = over_http2(&case, server.address).await {
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    assert!(server.recorder.take_calls().is_empty());
}

#[tokio::test]
async fn every_http2_case_gets_its_verdict_over_http2() {
    let mut sent = 0;
    for case in case::expressible().filter(|case| case.delivery.http == Some(HttpVersion::Http2)) {
        let server = Server::start(case.layer(keys(&case))).await;
        let status = over_http2(&case, server.address).await.expect("a response");
        if let Err(failure) = case.judge(status, &server.recorder.take_calls()) {
            panic!("{}: {failure} ({})", case.name, case.reason);
        }
        sent += 1;
    }
    assert!(sent >= 2, "{sent} cases were sent");
}

/// Sends a case as an HTTP/1.1 request, and checks the result.
async fn over_http1(case: &Case, keys: Vec<VerifyingKey>) -> Result<(), String> {
    let server = Server::start(case.layer(keys)).await;
    let breaks_off = case.delivery.error_after.is_some();
    let answer = exchange(server.address, &http1_request(case), breaks_off).await;
    let status = status_of(&answer)?;
    case.judge(status, &server.recorder.take_calls())
}

/// Returns the bytes of a case: chunked, or with the `content-length` that the case claims.
fn http1_request(case: &Case) -> Vec<u8> {
    let delivery = &case.delivery;
    let claimed = delivery.content_length.or(delivery.size_hint_lower);
    let chunked = claimed.is_none();
    let breaks_off = delivery.error_after.is_some();

    let mut bytes = b"POST /webhook HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n".to_vec();
    for (name, value) in case.header_lines() {
        bytes.extend([name.as_bytes(), b": ", &value, b"\r\n"].concat());
    }
    match claimed {
        Some(length) => bytes.extend(format!("content-length: {length}\r\n\r\n").bytes()),
        None => bytes.extend(b"transfer-encoding: chunked\r\n\r\n"),
    }
    let frames = case.frames();
    let sent = delivery.error_after.unwrap_or(frames.len());
    for frame in &frames[..sent] {
        if !chunked {
            bytes.extend(frame);
        } else if !frame.is_empty() {
            // An empty chunk would be the last one.
            bytes.extend(format!("{:x}\r\n", frame.len()).bytes());
            bytes.extend(frame);
            bytes.extend(b"\r\n");
        }
    }
    if chunked && !breaks_off {
        bytes.extend(b"0\r\n");
        for (name, value) in &case.trailers() {
            bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        bytes.extend(b"\r\n");
    }
    bytes
}

/// Sends `request`, and returns everything that comes back.
async fn exchange(server: SocketAddr, request: &[u8], break_off: bool) -> Vec<u8> {
    let exchange = async {
        let mut socket = TcpStream::connect(server).await.expect("a connection");
        // The server may respond and close the connection before it has read everything.
        let _: io::Result<()> = socket.write_all(request).await;
        if break_off {
            let _: io::Result<()> = socket.shutdown().await;
        }
        let mut answer = Vec::new();
        let _: io::Result<usize> = socket.read_to_end(&mut answer).await;
        answer
    };
    in_time(exchange).await
}

fn status_of(answer: &[u8]) -> Result<StatusCode, String> {
    answer
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| StatusCode::from_bytes(rest.get(..3)?).ok())
        .ok_or_else(|| format!("no answer: {:?}", String::from_utf8_lossy(answer)))
}

/// Sends a case as an HTTP/2 request, and returns the status of the response.
async fn over_http2(case: &Case, server: SocketAddr) -> hyper::Result<StatusCode> {
    let exchange = async {
        let socket = TokioIo::new(TcpStream::connect(server).await.expect("a connection"));
        let (mut client, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), socket).await?;
        let connection = tokio::spawn(connection);
        let frames = case.frames();
        let frames = frames
            .into_iter()
            .map(|frame| Ok::<_, Infallible>(Frame::data(frame)));
        let mut request = Request::post(format!("http://{server}/webhook"))
            .version(Version::HTTP_2)
            .body(StreamBody::new(stream::iter(frames)))
            .expect("a valid request");
        *request.headers_mut() = case.header_map();
        let response = client.send_request(request).await;
        connection.abort();
        Ok(response?.status())
    };
    in_time(exchange).await
}

fn keys(case: &Case) -> Vec<VerifyingKey> {
    case.keys().expect("the keys parse")
}

fn named(name: &str) -> Case {
    let case = case::all().into_iter().find(|case| case.name == name);
    case.expect("the case is there")
}

/// Nothing here takes long. The limit is for a test that hangs.
async fn in_time<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(60), future)
        .await
        .expect("an answer")
}

/// A hyper server for HTTP/1.1 and HTTP/2, with a [`Recorder`] behind the middleware.
struct Server {
    address: SocketAddr,
    recorder: Recorder,
    accepting: AbortHandle,
}

impl Server {
    async fn start(layer: SvixVerifyLayer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let recorder = Recorder::default();
        let service = TowerToHyperService::new(layer.layer(recorder.clone()));
        let accepting = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.expect("a connection");
                let service = service.clone();
                tokio::spawn(async move {
                    // It fails if the client breaks off, which is part of some tests.
                    let _: Result<(), _> = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(socket), service)
                        .await;
                });
            }
        });
        Self {
            address,
            recorder,
            accepting: accepting.abort_handle(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
