//! Pulse's API is not there, or says no, or the result cannot be written.

mod support;

use std::time::Duration;

use axum::http::StatusCode;
use pulse_flow::database;
use pulse_flow::fake::Trouble;
use support::{Flow, eventually};

/// Starts the receiver with a job that has completed, and an API in trouble. Returns the id of the job once the worker has
/// noticed.
async fn job_in_trouble(flow: &Flow, document: &str, trouble: Trouble) -> String {
    let job_id = flow.submit_and_complete(document).await;
    flow.fake.trouble(Some(trouble));
    flow.serve().await;
    flow.until(&job_id, |job| job.problem.is_some()).await;
    job_id
}

#[tokio::test]
async fn a_result_comes_once_the_api_is_back() {
    let flow = Flow::start().await;
    let trouble = Trouble::Answers(StatusCode::SERVICE_UNAVAILABLE, None);
    let job_id = job_in_trouble(&flow, "https://example.com/large.pdf", trouble).await;

    let job = flow.until(&job_id, |_| true).await;
    assert!(!job.given_up, "{job:?}");
    assert!(job.problem.unwrap().contains("503"));

    flow.fake.trouble(None);
    flow.until_stored(&job_id).await;
    let job = flow.until(&job_id, |_| true).await;
    assert_eq!(job.problem, None);
}

#[tokio::test]
async fn the_api_is_left_alone_for_as_long_as_it_asks() {
    const AN_HOUR: u64 = 60 * 60;

    let flow = Flow::start().await;
    let trouble = Trouble::Answers(StatusCode::TOO_MANY_REQUESTS, Some(AN_HOUR));
    let job_id = job_in_trouble(&flow, "https://example.com/a.pdf", trouble).await;
    flow.until_idle().await;

    // What is not done yet, and when it is tried again, counted from when it was tried.
    let pool = database::open(&flow.database()).await.unwrap();
    let pauses = "SELECT run_at - lock_at FROM Jobs WHERE status = 'Failed'";
    let pauses: Vec<u64> = sqlx::query_scalar(pauses).fetch_all(&pool).await.unwrap();
    assert!(pauses.len() == 1 && pauses[0] >= AN_HOUR, "{pauses:?}");
    let line = format!("GET /job/{job_id}");
    let requests = flow.fake.requests();
    assert_eq!(requests.iter().filter(|made| **made == line).count(), 1);
}

#[tokio::test]
async fn what_the_worker_gave_up_is_listed_and_can_be_retried() {
    let flow = Flow::start().await;
    let trouble = Trouble::Answers(StatusCode::FORBIDDEN, None);
    let job_id = job_in_trouble(&flow, "https://example.com/a.pdf", trouble).await;
    let job = flow.until(&job_id, |job| job.given_up).await;
    assert!(job.problem.unwrap().contains("403"));
    let database = flow.database();
    let database = database.to_str().unwrap();
    let list = flow.run("failed", &["--database", database]).await;
    assert!(list.starts_with(&format!("{job_id}  given up: ")), "{list}");

    flow.fake.trouble(None);
    flow.run("retry", &[&job_id, "--database", database]).await;

    flow.until_stored(&job_id).await;
    assert_eq!(flow.run("failed", &["--database", database]).await, "");
}

#[tokio::test]
async fn a_large_result_that_cannot_be_written_is_kept_until_it_can() {
    let flow = Flow::start().await;
    flow.serve().await;
    // There is no other way to make a disk full that works for root too.
    eventually("the folder is made", || flow.results().exists()).await;
    std::fs::remove_dir(flow.results()).unwrap();
    let job_id = flow.submit("https://example.com/large.pdf").await;

    let job = flow.until(&job_id, |job| job.problem.is_some()).await;
    assert!(job.problem.unwrap().contains("cannot be written"));
    assert!(flow.fake.job(&job_id).unwrap().downloaded);
    std::fs::create_dir(flow.results()).unwrap();

    let result = flow.until_stored(&job_id).await;
    assert_eq!(result["page_count"], 100);
}

#[tokio::test]
async fn a_large_result_that_somebody_else_downloaded_is_reported_missing() {
    let flow = Flow::start().await;
    let job_id = flow
        .submit_and_complete("https://example.com/large.pdf")
        .await;
    let result = flow.pulse.job(&job_id).await.unwrap().result.unwrap();
    flow.pulse.result(&job_id, &result).await.unwrap();

    flow.serve().await;

    let job = flow.until(&job_id, |job| job.given_up).await;
    assert!(job.problem.unwrap().contains("downloaded before"));
}

#[tokio::test]
async fn the_worker_goes_on_once_the_database_is_back() {
    let flow = Flow::start().await;
    flow.serve().await;
    let pool = database::open(&flow.database()).await.unwrap();
    let rename = async |statement: &'static str| sqlx::query(statement).execute(&pool).await;
    let event = support::event("job.created", "job-1", "2024-01-15T10:30:00Z");

    rename("ALTER TABLE Jobs RENAME TO Away").await.unwrap();
    let status = flow.fake.deliver("msg_1", &event).await;
    assert_eq!(status, Some(StatusCode::SERVICE_UNAVAILABLE));
    // Long enough for the worker to ask for work.
    tokio::time::sleep(Duration::from_secs(1)).await;
    rename("ALTER TABLE Away RENAME TO Jobs").await.unwrap();
    let status = flow.fake.deliver("msg_1", &event).await;
    assert_eq!(status, Some(StatusCode::ACCEPTED));

    flow.until("job-1", |job| job.status == "pending").await;
}
