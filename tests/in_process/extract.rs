//! The extractors in axum's handlers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use axum::routing::post;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tower_svix::VerifiedEvent;
use tower_svix::extract::{VerifiedJson, VerifiedJsonRejection};
use tower_svix_tests::requests::{BODY, ID, head, layer};
use tower_svix_tests::subscriber;

#[derive(Deserialize)]
struct Event {
    r#type: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    job_id: u64,
}

async fn id_and_body(event: VerifiedEvent, body: Bytes) -> String {
    format!("{} {}", event.id(), body.len())
}

async fn typed(VerifiedJson { event, payload, .. }: VerifiedJson<Event>) -> String {
    format!("{} {} {}", event.id(), payload.r#type, payload.data.job_id)
}

fn routes() -> Router {
    Router::new()
        .route("/event", post(id_and_body))
        .route("/json", post(typed))
}

/// Returns the status, the content type and the body of the response to a valid delivery of `body`.
async fn deliver(app: Router, path: &str, body: &'static [u8]) -> (StatusCode, String, Bytes) {
    let mut request: Request<Body> = head(body).body(Body::from(body)).unwrap();
    *request.uri_mut() = path.parse().unwrap();
    let response = app.oneshot(request).await.unwrap();
    let content_type = response
        .headers()
        .get("content-type")
        .map(|value| value.to_str().unwrap().to_owned());
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, content_type.unwrap_or_default(), body)
}

async fn problem(app: Router, path: &str, body: &'static [u8]) -> (StatusCode, Value) {
    let (status, content_type, body) = deliver(app, path, body).await;
    assert_eq!(content_type, "application/problem+json");
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn an_event_is_extracted_and_leaves_the_body_alone() {
    let (status, _, body) = deliver(routes().layer(layer()), "/event", BODY).await;
    assert_eq!(status, 200);
    assert_eq!(body, format!("{ID} {}", BODY.len()));
}

#[tokio::test]
async fn a_payload_is_extracted_as_its_type() {
    const PAYLOAD: &[u8] = br#"{"type":"job.completed","data":{"job_id":7}}"#;
    let (status, _, body) = deliver(routes().layer(layer()), "/json", PAYLOAD).await;
    assert_eq!(status, 200);
    assert_eq!(body, format!("{ID} job.completed 7"));
}

#[tokio::test]
async fn a_payload_that_does_not_fit_names_the_field_but_not_its_value() {
    const PAYLOAD: &[u8] = br#"{"type":"job.completed","data":{"job_id":"canary"}}"#;
    let (status, problem) = problem(routes().layer(layer()), "/json", PAYLOAD).await;
    assert_eq!(status, 400);
    assert_eq!(problem["code"], "payload-mismatch");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("`data.job_id`"), "{detail}");
    assert!(!detail.contains("canary"), "{detail}");
}

#[tokio::test]
async fn a_payload_that_lacks_a_field_names_it() {
    for (payload, expected) in [
        (&br#"{"data":{"job_id":7}}"#[..], "`type`"),
        (
            br#"{"type":"job.completed","data":{"id":"canary"}}"#,
            "`data.job_id`",
        ),
        (br#"{"type":"job.completed"}"#, "`data`"),
    ] {
        let (status, problem) = problem(routes().layer(layer()), "/json", payload).await;
        assert_eq!(status, 400);
        assert_eq!(problem["code"], "payload-mismatch");
        let detail = problem["detail"].as_str().unwrap();
        let sentence = format!("the payload has no field {expected}, which is expected");
        assert!(detail.starts_with(&sentence), "{detail}");
        assert!(!detail.contains("canary"), "{detail}");
    }
}

#[tokio::test]
async fn a_payload_that_does_not_fit_is_logged() {
    for (payload, code) in [
        (&br#"{"data":{"job_id":7}}"#[..], "payload-mismatch"),
        (
            br#"{"type":"job.completed","data":{"job_id":"canary"}}"#,
            "payload-mismatch",
        ),
        (b"canary", "payload-not-json"),
    ] {
        let text = logged(routes().layer(layer()), "/json", payload).await;
        assert!(text.contains("ERROR") && text.contains(code), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn a_payload_that_is_no_json_tells_where() {
    let (status, problem) = problem(routes().layer(layer()), "/json", b"{\"type\":oops}").await;
    assert_eq!(status, 400);
    assert_eq!(problem["code"], "payload-not-json");
    assert_eq!(
        problem["detail"],
        "the payload is not JSON at line 1, column 9"
    );
}

#[tokio::test]
async fn a_route_without_the_layer_says_which_is_missing() {
    for path in ["/event", "/json"] {
        let (status, problem) = problem(routes(), path, BODY).await;
        assert_eq!(status, 500);
        let expected = json!({
            "title": "Internal Server Error",
            "status": 500,
            "code": "event-missing",
            "detail": "this route is not behind SvixVerifyLayer: add `.layer(SvixVerifyLayer::new(secret))` to its router",
        });
        assert_eq!(problem, expected, "{path}");
    }
}

#[tokio::test]
async fn a_rejection_reads_as_its_cause() {
    async fn read(result: Result<VerifiedJson<Event>, VerifiedJsonRejection>) -> String {
        result.map(|_| "accepted").unwrap_err().to_string()
    }

    let app = Router::new().route("/", post(read));
    let (_, _, text) = deliver(app.clone(), "/", BODY).await;
    assert!(text.starts_with(b"this route is not behind SvixVerifyLayer"));
    let (_, _, text) = deliver(app.layer(layer()), "/", b"{\"type\":oops}").await;
    assert_eq!(text, "the payload is not JSON at line 1, column 9");
}

#[tokio::test]
async fn a_route_without_the_layer_is_logged_as_an_error() {
    let log = logged(routes(), "/event", BODY).await;
    assert!(log.contains("ERROR"), "{log}");
    assert!(log.contains("code=\"event-missing\""), "{log}");
    assert!(log.contains("SvixVerifyLayer::new(secret)"), "{log}");
}

/// Returns the log of a valid delivery of `body`.
async fn logged(app: Router, path: &str, body: &'static [u8]) -> String {
    let log = Log::default();
    let writer = log.clone();
    let _guard = subscriber::set_default(
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish(),
    );
    deliver(app, path, body).await;
    String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
