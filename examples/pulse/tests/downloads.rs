//! Interruptions of downloads that are possible only once.

mod support;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use pulse_flow::results::Results;
use support::{Flow, eventually, read_json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tower_svix_sqlx::inbox::{Entry, State};

/// Serves a result once, in the pieces that the test sends. Returns the base URL and the channel for the pieces.
async fn pieces() -> (String, mpsc::UnboundedSender<&'static str>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let routes = Router::new().fallback(move || async move {
        let receiver = receiver.lock().unwrap().take();
        let mut receiver = receiver.expect("it is asked once");
        let pieces = stream::poll_fn(move |cx| receiver.poll_recv(cx));
        Body::from_stream(pieces.map(|piece| Ok::<_, Infallible>(Bytes::from(piece))))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, sender)
}

#[tokio::test]
async fn a_stop_of_the_receiver_waits_for_a_download_that_there_is_only_once() {
    let (elsewhere, pieces) = pieces().await;
    let mut flow = Flow::start().await;
    flow.pulse = flow.pulse.insecure_results_from_anywhere();
    flow.fake.large_results_at(&elsewhere);
    let (stop, stopped) = oneshot::channel();
    let server = flow.serve_until(async { stopped.await.unwrap() }).await;
    let job_id = flow.submit("https://example.com/large.pdf").await;
    pieces.send("{\"page_count\":").unwrap();
    let part = flow.part(&job_id);
    eventually("a piece has arrived", || {
        part.metadata().is_ok_and(|part| part.len() > 0)
    })
    .await;

    stop.send(()).unwrap();
    // The worker has stopped and given the event back.
    flow.until_event(|event| {
        event.state == State::Pending && event.event_type.as_deref() == Some("job.completed")
    })
    .await;
    pieces.send("1}").unwrap();
    drop(pieces);
    let ended = tokio::time::timeout(Duration::from_mins(2), server).await;
    ended.expect("the receiver stops").unwrap();

    let result = flow.results().join(format!("{job_id}.json"));
    assert_eq!(read_json(&result)["page_count"], 1);
    flow.serve().await;
    flow.until_stored(&job_id).await;
}

/// The test has the file open, as another worker does, or a download that outlived its attempt.
#[tokio::test]
async fn a_download_that_runs_is_waited_for_and_no_attempt_is_spent_on_it() {
    let flow = Flow::start().await;
    let job_id = flow
        .submit_and_complete("https://example.com/large.pdf")
        .await;
    let results = Results::open(&flow.results()).unwrap();
    let path = results.path(&job_id).unwrap();
    let mut part = results.part(&path).await.unwrap();
    flow.serve().await;
    let is_completed = |event: &Entry| event.event_type.as_deref() == Some("job.completed");
    flow.until_event(|event| is_completed(event) && event.state == State::Running)
        .await;
    // Give the attempt time to reach the file.
    tokio::time::sleep(Duration::from_millis(500)).await;
    part.append(Bytes::from("{\"page_count\": 1}"))
        .await
        .unwrap();
    part.finish().await.unwrap();

    let result = flow.until_stored(&job_id).await;
    assert_eq!(result["page_count"], 1);
    let event = flow
        .until_event(|event| is_completed(event) && event.state == State::Done)
        .await;
    assert_eq!(event.attempts, 1, "{event:?}");
    assert_eq!(flow.downloads(&job_id), 0);
    assert!(!flow.part(&job_id).exists());
}

#[tokio::test]
async fn two_workers_do_not_write_to_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let results = Results::open(folder.path()).unwrap();
    let path = results.path("job-1").unwrap();

    let mut part = results.part(&path).await.unwrap();
    part.append(Bytes::from("{")).await.unwrap();
    let another = async { results.part(&path).await.is_ok() };
    let waited = tokio::time::timeout(Duration::from_millis(300), another).await;
    assert!(waited.is_err(), "it is another's");
    drop(part);

    let mut part = results.part_left(&path).await.unwrap().unwrap();
    assert_eq!(part.len(), 1);
    part.append(Bytes::from("}")).await.unwrap();
    assert!(part.is_whole().await.unwrap());
    part.finish().await.unwrap();
    assert!(results.part_left(&path).await.unwrap().is_none());
    assert!(results.part(&path).await.is_err(), "it is a result now");
    assert_eq!(read_json(&path), serde_json::json!({}));
}
