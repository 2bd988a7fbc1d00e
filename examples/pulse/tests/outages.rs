//! Failures of Pulse's API, of the disk and of the database.

mod support;

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use pulse_flow::app::App;
use pulse_flow::database::Database;
use pulse_flow::fake::Trouble;
use serde_json::json;
use support::{Flow, eventually};
use tokio::net::TcpListener;
use tower_svix_sqlx::inbox::{Entry, State};

/// Completes a job, breaks the API, and starts the receiver. Returns the id of the job, and its event after the first
/// failed attempt.
async fn job_in_trouble(flow: &Flow, document: &str, trouble: Trouble) -> (String, Entry) {
    let job_id = flow.submit_and_complete(document).await;
    flow.fake.trouble(Some(trouble));
    flow.serve().await;
    let event = flow.until_event(has_failed).await;
    (job_id, event)
}

fn has_failed(event: &Entry) -> bool {
    event.state != State::Running && event.error.is_some()
}

#[tokio::test]
async fn a_result_comes_once_the_api_is_back() {
    let flow = Flow::start().await;
    let trouble = Trouble::Answers(StatusCode::SERVICE_UNAVAILABLE, None);
    let (job_id, event) = job_in_trouble(&flow, "https://example.com/large.pdf", trouble).await;
    assert_eq!(event.state, State::Pending);
    assert!(event.error.unwrap().contains("503"));

    flow.fake.trouble(None);
    flow.until_stored(&job_id).await;
    flow.until_event(|event| event.attempts > 1 && event.state == State::Done)
        .await;
}

#[tokio::test]
async fn the_api_is_left_alone_for_as_long_as_it_asks() {
    const AN_HOUR: Duration = Duration::from_hours(1);

    let flow = Flow::start().await;
    let trouble = Trouble::Answers(StatusCode::TOO_MANY_REQUESTS, Some(AN_HOUR.as_secs()));
    let (job_id, event) = job_in_trouble(&flow, "https://example.com/a.pdf", trouble).await;

    let pause = event.due_at.duration_since(event.received_at).unwrap();
    assert!(pause >= AN_HOUR, "{pause:?}");
    assert_eq!(flow.requests(&format!("GET /job/{job_id}")), 1);
}

#[tokio::test]
async fn what_the_worker_gave_up_is_listed_and_can_be_retried() {
    let flow = Flow::start().await;
    let trouble = Trouble::Answers(StatusCode::FORBIDDEN, None);
    let (job_id, event) = job_in_trouble(&flow, "https://example.com/a.pdf", trouble).await;
    assert_eq!(event.state, State::Dead);
    let list = flow.operate(&["list", "--state", "dead"]).await;
    assert!(list.contains(&event.id) && list.contains("403"), "{list}");

    flow.fake.trouble(None);
    flow.operate(&["retry", &event.id]).await;

    flow.until_stored(&job_id).await;
    flow.until_idle().await;
    assert_eq!(flow.operate(&["list", "--state", "dead"]).await, "");
}

#[tokio::test]
async fn a_large_result_is_not_downloaded_while_it_cannot_be_written() {
    let flow = Flow::start().await;
    flow.serve().await;
    eventually("the folder is made", || flow.results().exists()).await;
    std::fs::remove_dir(flow.results()).unwrap();
    let job_id = flow.submit("https://example.com/large.pdf").await;

    let event = flow.until_event(has_failed).await;
    assert_eq!(event.state, State::Pending);
    assert!(event.error.unwrap().contains("cannot be read or written"));
    assert!(!flow.fake.job(&job_id).unwrap().downloaded);
    std::fs::create_dir(flow.results()).unwrap();

    let result = flow.until_stored(&job_id).await;
    assert_eq!(result["page_count"], 100);
}

/// A limit on the size of files has the same effect on the process as a full disk, and needs no privileges.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_download_waits_while_the_disk_is_full() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    const ROOM: u64 = 6 << 20;

    let flow = Flow::start().await;
    let mut command = tokio::process::Command::new("sh");
    // Ignore SIGXFSZ, so that a write beyond the limit fails instead of ending the process.
    command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    let serve = flow.serve_command();
    command
        .arg(serve.as_std().get_program())
        .args(serve.as_std().get_args());
    for (name, value) in serve.as_std().get_envs() {
        command.env(name, value.unwrap());
    }
    let server = flow.spawn(command).await;
    let process = Pid::from_raw(server.id().unwrap().cast_signed()).unwrap();
    let limit = |bytes| {
        let limit = Rlimit {
            current: bytes,
            maximum: None,
        };
        prlimit(Some(process), Resource::Fsize, limit).unwrap();
    };
    limit(Some(ROOM));
    let job_id = flow.submit("https://example.com/huge.pdf").await;
    let part = flow.part(&job_id);
    eventually("the disk is full", || {
        part.metadata().is_ok_and(|part| part.len() == ROOM)
    })
    .await;
    assert!(flow.fake.job(&job_id).unwrap().downloaded);

    limit(None);

    let result = flow.until_stored(&job_id).await;
    let text = "Lorem ipsum. ".repeat(1_000_000);
    let text = format!("# https://example.com/huge.pdf\n\n{text}");
    assert!(
        result["markdown"] == text,
        "a piece is missing, or there twice"
    );
    assert_eq!(flow.downloads(&job_id), 1);
}

#[tokio::test]
async fn a_large_result_that_somebody_else_downloaded_is_reported_missing() {
    let flow = Flow::start().await;
    let job_id = flow
        .submit_and_complete("https://example.com/large.pdf")
        .await;
    download(&flow, &job_id).await;

    flow.serve().await;

    let event = flow.until_dead().await;
    assert!(event.error.unwrap().contains("downloaded before"));
}

#[tokio::test]
async fn what_arrived_of_a_download_that_broke_off_is_kept_and_named() {
    let flow = Flow::start().await;
    let job_id = flow
        .submit_and_complete("https://example.com/large.pdf")
        .await;
    let result = download(&flow, &job_id).await;
    let (half, _) = result.split_at(result.len() / 2);
    std::fs::create_dir(flow.results()).unwrap();
    std::fs::write(flow.part(&job_id), half).unwrap();

    flow.serve().await;

    let event = flow.until_dead().await;
    let part = flow.part(&job_id).canonicalize().unwrap();
    let kept = format!("{} bytes of it are in {}", half.len(), part.display());
    assert!(event.error.as_ref().unwrap().contains(&kept), "{event:?}");
    assert_eq!(std::fs::read(part).unwrap(), half);
}

/// Returns a flow in which every large result is `content`, on another host than the API.
async fn with_large_results(content: &'static str) -> Flow {
    let mut flow = Flow::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().fallback(move || async move { content });
    tokio::spawn(async move { axum::serve(listener, routes).await });
    flow.fake.large_results_at(&elsewhere);
    flow.pulse = flow.pulse.insecure_results_from_anywhere();
    flow
}

#[tokio::test]
async fn a_result_is_known_also_if_no_schema_can_be_applied_to_it() {
    let flow = with_large_results(r#"{"no": "extraction"}"#).await;
    let app = App {
        schema: Some(json!({ "type": "object" })),
        ..flow.app().await
    };
    flow.serve_app(app, std::future::pending()).await;

    let job_id = flow.submit("https://example.com/large.pdf").await;

    let error = flow.until_dead().await.error.unwrap();
    assert!(error.contains("no schema can be applied"), "{error}");
    assert!(error.contains("`extraction_id` is missing"), "{error}");
    let result = flow.until_stored(&job_id).await;
    assert_eq!(result, json!({ "no": "extraction" }));
}

#[tokio::test]
async fn a_large_result_that_is_no_json_is_kept_and_named() {
    const PAGE: &str = "<html>An error, with the status of a success</html>";

    let flow = with_large_results(PAGE).await;
    flow.serve().await;

    let job_id = flow.submit("https://example.com/large.pdf").await;

    let event = flow.until_dead().await;
    let part = flow.part(&job_id).canonicalize().unwrap();
    let error = event.error.unwrap();
    assert!(error.contains("no JSON"), "{error}");
    assert!(error.contains(part.to_str().unwrap()), "{error}");
    assert_eq!(std::fs::read(part).unwrap(), PAGE.as_bytes());
}

/// Downloads the large result of a job.
async fn download(flow: &Flow, job_id: &str) -> Vec<u8> {
    let result = flow.pulse.job(job_id).await.unwrap().result.unwrap();
    let mut incoming = flow.pulse.large_result(job_id, &result).await.unwrap();
    let mut all = Vec::new();
    while let Some(piece) = incoming.next().await.unwrap() {
        all.extend_from_slice(&piece);
    }
    all
}

#[tokio::test]
async fn the_worker_goes_on_once_the_database_is_back() {
    let flow = Flow::start().await;
    flow.serve().await;
    let Database::Sqlite(pool) = flow.open().await else {
        panic!("the default is SQLite");
    };
    let rename = async |statement: &'static str| sqlx::query(statement).execute(&pool).await;
    let event = support::event("job.created", "job-1", "2024-01-15T10:30:00Z");

    rename("ALTER TABLE webhook_inbox RENAME TO away")
        .await
        .unwrap();
    let status = flow.fake.deliver("msg_1", &event).await;
    assert_eq!(status, Some(StatusCode::SERVICE_UNAVAILABLE));
    // Give the worker time to poll the missing table.
    tokio::time::sleep(Duration::from_secs(2)).await;
    rename("ALTER TABLE away RENAME TO webhook_inbox")
        .await
        .unwrap();
    let status = flow.fake.deliver("msg_1", &event).await;
    assert_eq!(status, Some(StatusCode::ACCEPTED));

    flow.until("job-1", |job| job.status == "pending").await;
}
