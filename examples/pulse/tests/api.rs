//! What the client does with an API that points elsewhere, or takes its time.

mod support;

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::routing::{any, get};
use pulse_flow::api::{ApiError, Pulse};
use serde_json::json;
use support::API_KEY;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Serves on a free port, and returns the base URL.
async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    base
}

/// Another host, which tells the headers that it was sent.
async fn elsewhere() -> (String, mpsc::UnboundedReceiver<HeaderMap>) {
    let (sender, headers) = mpsc::unbounded_channel();
    let answer = any(async move |headers: HeaderMap| {
        sender.send(headers).unwrap();
        "the result"
    });
    (serve(Router::new().fallback(answer)).await, headers)
}

#[tokio::test]
async fn a_download_that_is_redirected_elsewhere_does_not_take_the_key_along() {
    let (elsewhere, mut received) = elsewhere().await;
    let redirect = move |path| Redirect::temporary(&format!("{elsewhere}{path}"));
    let api = Router::new()
        .route("/large_results/1", get(redirect("/at-once")))
        .route("/large_results/2", get(Redirect::temporary("/moved")))
        .route("/moved", get(redirect("/after-a-detour")));
    let pulse = Pulse::new(&serve(api).await, API_KEY).unwrap();

    for job_id in ["1", "2"] {
        let result = pulse.result(job_id, &json!({ "is_url": true })).await;
        assert_eq!(result.unwrap(), "the result", "{job_id}");
        let headers = received.recv().await.unwrap();
        assert!(!headers.contains_key("x-api-key"), "{job_id}");
    }
}

#[tokio::test]
async fn a_redirect_within_the_api_takes_the_key_along() {
    let moved = async |headers: HeaderMap| headers["x-api-key"].to_str().unwrap().to_owned();
    let api = Router::new()
        .route("/large_results/1", get(Redirect::temporary("/moved")))
        .route("/moved", get(moved));
    let pulse = Pulse::new(&serve(api).await, API_KEY).unwrap();
    let result = pulse.result("1", &json!({ "is_url": true })).await;
    assert_eq!(result.unwrap(), API_KEY);
}

#[tokio::test]
async fn what_is_sent_to_the_api_is_not_sent_elsewhere() {
    let (elsewhere, mut received) = elsewhere().await;
    let api = Router::new().fallback(any(Redirect::temporary(&elsewhere)));
    let pulse = Pulse::new(&serve(api).await, API_KEY).unwrap();
    let error = pulse.schema("ext_1", &json!({})).await.unwrap_err();
    assert!(
        matches!(error, ApiError::Status { status, .. } if status == StatusCode::TEMPORARY_REDIRECT),
        "{error}"
    );
    assert!(received.try_recv().is_err());
}

/// Serves any one request with a body of `pieces`, with a pause before each.
async fn slow(pieces: usize, pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        client.read_u8().await.unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {pieces}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..pieces {
            tokio::time::sleep(pause).await;
            // The client may have given up.
            let _ = client.write_all(b".").await;
        }
        // Closed with something unread, the connection would be reset.
        std::future::pending::<()>().await;
    });
    base
}

#[tokio::test(start_paused = true)]
async fn a_large_result_that_comes_slowly_is_not_cut() {
    let steady = slow(20, Duration::from_secs(20)).await;
    let pulse = Pulse::new(&steady, API_KEY).unwrap();
    for url in [steady.clone(), slow(20, Duration::from_secs(20)).await] {
        let result = json!({ "is_url": true, "url": url });
        let downloaded = pulse.result("1", &result).await.unwrap();
        assert_eq!(downloaded, ".".repeat(20), "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_result_that_does_not_come_is_given_up() {
    let stalled = slow(1, Duration::from_hours(1)).await;
    let pulse = Pulse::new(&stalled, API_KEY).unwrap();
    let result = json!({ "is_url": true });
    let error = pulse.result("1", &result).await.unwrap_err();
    assert!(matches!(error, ApiError::Transport(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_slowly_is_given_up() {
    let trickling = slow(1000, Duration::from_secs(20)).await;
    let pulse = Pulse::new(&trickling, API_KEY).unwrap();
    let error = pulse.job("1").await.unwrap_err();
    assert!(matches!(error, ApiError::Transport(_)), "{error}");
}
