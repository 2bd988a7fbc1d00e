//! The client with an API that redirects to other hosts, or is slow.

mod support;

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::routing::{any, get};
use pulse_flow::api::{ApiError, Forbidden, NotPublic, Pulse};
use serde_json::{Value, json};
use support::API_KEY;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Serves the routes on a free port, and returns the base URL.
async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    base
}

/// Downloads a large result.
async fn download(pulse: &Pulse, result: &Value) -> Result<Vec<u8>, ApiError> {
    let mut incoming = pulse.large_result("1", result).await?;
    let mut all = Vec::new();
    while let Some(piece) = incoming.next().await? {
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

/// Returns a client that also fetches large results from this machine.
fn lax(base: &str) -> Pulse {
    Pulse::new(base, API_KEY)
        .unwrap()
        .insecure_results_from_anywhere()
}

/// Starts another host. Returns its base URL, and a channel with the headers of each request.
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
    let pulse = lax(&serve(api).await);

    for path in ["large_results/1", "large_results/2"] {
        let result = json!({ "is_url": true, "url": path });
        let result = download(&pulse, &result).await;
        assert_eq!(result.unwrap(), b"the result", "{path}");
        let headers = received.recv().await.unwrap();
        assert!(!headers.contains_key("x-api-key"), "{path}");
    }
}

#[tokio::test]
async fn a_redirect_within_the_api_takes_the_key_along() {
    let moved = async |headers: HeaderMap| headers["x-api-key"].to_str().unwrap().to_owned();
    let api = Router::new()
        .route("/large_results/1", get(Redirect::temporary("/moved")))
        .route("/moved", get(moved));
    let pulse = Pulse::new(&serve(api).await, API_KEY).unwrap();
    let result = download(&pulse, &json!({ "is_url": true })).await;
    assert_eq!(result.unwrap(), API_KEY.as_bytes());
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

/// Serves one request, with a body of `pieces` bytes and a pause before each byte. Returns the base URL.
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
        // Keep the connection open: closing it with unread data would reset it.
        std::future::pending::<()>().await;
    });
    base
}

#[tokio::test(start_paused = true)]
async fn a_large_result_that_comes_slowly_is_not_cut() {
    let steady = slow(20, Duration::from_secs(20)).await;
    let pulse = lax(&steady);
    for url in [steady.clone(), slow(20, Duration::from_secs(20)).await] {
        let result = json!({ "is_url": true, "url": url });
        let downloaded = download(&pulse, &result).await.unwrap();
        assert_eq!(downloaded, ".".repeat(20).into_bytes(), "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_result_that_does_not_come_is_given_up() {
    let stalled = slow(1, Duration::from_hours(1)).await;
    let pulse = Pulse::new(&stalled, API_KEY).unwrap();
    let result = json!({ "is_url": true });
    let error = download(&pulse, &result).await.unwrap_err();
    assert!(matches!(error, ApiError::Transport(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_slowly_is_given_up() {
    let trickling = slow(1000, Duration::from_secs(20)).await;
    let pulse = Pulse::new(&trickling, API_KEY).unwrap();
    let error = pulse.job("1").await.unwrap_err();
    assert!(matches!(error, ApiError::Transport(_)), "{error}");
}

#[tokio::test]
async fn a_redirect_back_to_the_api_does_not_get_the_key() {
    let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", api.local_addr().unwrap());
    let back = Redirect::temporary(&format!("{base}/secrets"));
    let elsewhere = serve(Router::new().fallback(any(back))).await;
    let secrets = async |headers: HeaderMap| headers.contains_key("x-api-key").to_string();
    let routes = Router::new()
        .route(
            "/large_results/1",
            get(Redirect::temporary(&format!("{elsewhere}/x"))),
        )
        .route("/secrets", get(secrets));
    tokio::spawn(async move { axum::serve(api, routes).await });

    let result = download(&lax(&base), &json!({ "is_url": true })).await;
    assert_eq!(result.unwrap(), b"false");
}

/// Opens a port. Returns it, and a channel with a message for each connection.
async fn watched_port() -> (u16, mpsc::UnboundedReceiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, connections) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            let _ = sender.send(());
        }
    });
    (port, connections)
}

#[tokio::test]
async fn only_https_and_public_addresses_are_fetched_also_after_a_redirect() {
    let (port, mut connections) = watched_port().await;
    let not_public = Forbidden::NotPublic(NotPublic);
    for (url, expected) in [
        (format!("http://127.0.0.1:{port}/"), Forbidden::NotHttps),
        (format!("ftp://127.0.0.1:{port}/"), Forbidden::NotHttps),
        ("file:///etc/passwd".to_owned(), Forbidden::NotHttps),
        (format!("https://127.0.0.1:{port}/"), not_public),
        // The same address in other forms.
        (format!("https://2130706433:{port}/"), not_public),
        (format!("https://0x7f.1:{port}/"), not_public),
        (format!("https://[::1]:{port}/"), not_public),
        (format!("https://[::ffff:127.0.0.1]:{port}/"), not_public),
        // A name, which is resolved only when the client connects.
        (format!("https://localhost:{port}/"), not_public),
    ] {
        let redirect = Router::new()
            .route("/large_results/1", get(Redirect::temporary(&url)))
            .fallback(|| async { StatusCode::NOT_FOUND });
        let pulse = Pulse::new(&serve(redirect).await, API_KEY).unwrap();
        for (way, result) in [
            ("at once", json!({ "is_url": true, "url": url })),
            ("redirected", json!({ "is_url": true })),
        ] {
            let error = download(&pulse, &result).await.unwrap_err();
            assert!(
                matches!(error, ApiError::Forbidden(found) if found == expected),
                "{url} {way}: {error}"
            );
            assert!(!error.is_transient(), "{url} {way}");
        }
    }
    assert!(connections.try_recv().is_err(), "somebody connected");
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let api = Router::new().fallback(any(Redirect::temporary("/large_results/1")));
    let pulse = Pulse::new(&serve(api).await, API_KEY).unwrap();
    let error = download(&pulse, &json!({ "is_url": true }))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ApiError::Forbidden(Forbidden::TooManyRedirects)),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_into_memory() {
    for status in [StatusCode::OK, StatusCode::FORBIDDEN] {
        let endless = move || async move {
            let piece = axum::body::Bytes::from(vec![b' '; 1 << 16]);
            let pieces =
                futures_util::stream::repeat_with(move || Ok::<_, Infallible>(piece.clone()));
            (status, Body::from_stream(pieces))
        };
        let pulse = Pulse::new(&serve(Router::new().fallback(any(endless))).await, API_KEY);
        let error = pulse.unwrap().job("1").await.unwrap_err();
        match error {
            ApiError::TooLong(limit) => {
                assert_eq!(status, StatusCode::OK);
                assert!(limit <= 64 << 20, "{limit}");
            }
            ApiError::Status { message, .. } => {
                assert_eq!(status, StatusCode::FORBIDDEN);
                assert_eq!(message.len(), 500);
            }
            other => panic!("{status}: {other}"),
        }
    }
}

/// Anyone who has the URL of a large result can download it.
#[tokio::test]
async fn no_error_tells_the_url_of_a_result() {
    const SIGNATURE: &str = "X-Amz-Signature=c2lnbmF0dXJl";

    let (port, _) = watched_port().await;
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = unused.local_addr().unwrap().port();
    drop(unused);
    let echo = |uri: axum::http::Uri| async move {
        let text = format!("no access to https://store.test{uri}, nor to {uri}");
        (StatusCode::FORBIDDEN, axum::Json(json!({ "error": text })))
    };
    let echo = serve(Router::new().fallback(any(echo))).await;
    let lax = lax(&echo);
    let strict = Pulse::new(&echo, API_KEY).unwrap();
    for (name, pulse, url) in
        [
            (
                "echoed by the API",
                &strict,
                format!("{echo}/r?{SIGNATURE}"),
            ),
            ("echoed elsewhere", &lax, {
                let elsewhere = serve(Router::new().fallback(any(
                    |uri: axum::http::Uri| async move { (StatusCode::FORBIDDEN, uri.to_string()) },
                )));
                format!("{}/r?{SIGNATURE}", elsewhere.await)
            }),
            (
                "not connected",
                &lax,
                format!("http://127.0.0.1:{closed}/r?{SIGNATURE}"),
            ),
            (
                "no TLS there",
                &lax,
                format!("https://127.0.0.1:{port}/r?{SIGNATURE}"),
            ),
            (
                "not https",
                &strict,
                format!("http://127.0.0.1:{port}/r?{SIGNATURE}"),
            ),
            (
                "not public",
                &strict,
                format!("https://localhost:{port}/r?{SIGNATURE}"),
            ),
            (
                "no such host",
                &strict,
                format!("https://nowhere.invalid/r?{SIGNATURE}"),
            ),
        ]
    {
        let result = json!({ "is_url": true, "url": url });
        let waited = tokio::time::timeout(Duration::from_secs(90), download(pulse, &result)).await;
        let error = waited.expect(name).unwrap_err();
        let texts = format!("{error} {error:?}");
        assert!(!texts.contains("c2lnbmF0dXJl"), "{name}: {texts}");
    }
}

#[tokio::test]
async fn what_is_on_its_way_does_not_show_its_url() {
    const SIGNATURE: &str = "c2lnbmF0dXJl";

    let (elsewhere, _headers) = elsewhere().await;
    let url = format!("{elsewhere}/r?signature={SIGNATURE}");
    let result = json!({ "is_url": true, "url": url });
    let job = json!({ "job_id": "1", "status": "completed", "result": result });
    let api = Router::new().fallback(any(async move || axum::Json(job)));
    let pulse = lax(&serve(api).await);
    let job = pulse.job("1").await.unwrap();
    let incoming = pulse.large_result("1", job.result.as_ref().unwrap()).await;
    let texts = format!("{job:?} {:?} {pulse:?}", incoming.unwrap());
    assert!(!texts.contains(SIGNATURE), "{texts}");
    assert!(!texts.contains(API_KEY), "{texts}");
}

#[tokio::test]
async fn an_answer_that_is_not_as_documented_is_not_repeated() {
    const SIGNATURE: &str = "c2lnbmF0dXJl";

    let answer = json!({ "job_id": "1", "status": { "url": SIGNATURE }, "error": [SIGNATURE] });
    let api = Router::new().fallback(any(async move || axum::Json(answer)));
    let pulse = Pulse::new(&serve(api).await, API_KEY).unwrap();
    let error = pulse.job("1").await.unwrap_err();
    assert!(matches!(error, ApiError::Unexpected(_)), "{error}");
    let texts = format!("{error} {error:?}");
    assert!(!texts.contains(SIGNATURE), "{texts}");
}
