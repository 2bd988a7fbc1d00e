//! What the client does with an API that points elsewhere.

mod support;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::routing::{any, get};
use pulse_flow::api::{ApiError, Pulse};
use serde_json::json;
use support::API_KEY;
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
