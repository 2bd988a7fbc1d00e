//! Crashes of the receiver, which lose nothing. On Unix, `kill` is SIGKILL.

mod support;

use pulse_flow::fake::Trouble;
use serde_json::Value;
use support::{Flow, eventually};
use tower_svix_sqlx::inbox::State;

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_worked_on_after_a_restart() {
    killed_before_the_work(Flow::start().await).await;
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_worked_on_after_a_restart_on_postgres() {
    killed_before_the_work(Flow::on_postgres().await).await;
}

async fn killed_before_the_work(flow: Flow) {
    const JOBS: usize = 20;

    let mut job_ids = Vec::new();
    for number in 0..JOBS {
        let document = format!("https://example.com/{number}.pdf");
        job_ids.push(flow.submit_and_complete(&document).await);
    }
    // The worker cannot finish anything: when the server is killed, some events are running and the others are
    // pending.
    flow.fake.trouble(Some(Trouble::Hangs));
    let mut server = flow.spawn_server(&[]).await;
    eventually("every event is acknowledged", || {
        let deliveries = flow.fake.deliveries();
        let acknowledged = deliveries
            .iter()
            .filter(|delivery| delivery.status.is_some_and(|status| status.is_success()));
        // Each job has three events: created, processing and completed.
        acknowledged.count() == 3 * JOBS
    })
    .await;
    eventually("the worker is at work", || {
        let requests = flow.fake.requests();
        requests.iter().any(|line| line.starts_with("GET /job/"))
    })
    .await;

    server.kill().await.unwrap();
    let stored = std::fs::read_dir(flow.results()).unwrap().count();
    assert_eq!(stored, 0, "the test is about what had not been done");
    let delivered = flow.fake.deliveries().len();
    flow.fake.trouble(None);
    let _server = flow.spawn_server(&[]).await;

    for job_id in &job_ids {
        let result = flow.until_stored(job_id).await;
        assert_eq!(result["extraction_id"], format!("ext_{job_id}"));
    }
    let repeated = flow.fake.deliveries().len() - delivered;
    assert_eq!(repeated, 0, "the sender had nothing to do with it");
}

/// The worker has received every byte, but the response has not ended yet.
#[tokio::test]
async fn a_large_result_survives_a_kill_at_the_last_byte_of_the_download() {
    let flow = Flow::start().await;
    flow.fake.trouble(Some(Trouble::HoldsTheEndBack));
    let mut server = flow.spawn_server(&[]).await;
    let job_id = flow.submit("https://example.com/large.pdf").await;
    let part = flow.part(&job_id);
    eventually("all of the result has arrived", || {
        let content = std::fs::read(&part).unwrap_or_default();
        serde_json::from_slice::<Value>(&content).is_ok()
    })
    .await;

    server.kill().await.unwrap();

    assert!(!flow.results().join(format!("{job_id}.json")).exists());
    flow.fake.trouble(None);
    let _server = flow.spawn_server(&[]).await;
    assert_whole(&flow, &job_id).await;
}

/// The download is complete, but the rename fails, because a folder has the name of the result. The folder is removed
/// after the kill.
#[tokio::test]
async fn a_large_result_survives_a_kill_between_the_download_and_the_rename() {
    let flow = Flow::start().await;
    let job_id = flow
        .submit_and_complete("https://example.com/large.pdf")
        .await;
    let in_the_way = flow.results().join(format!("{job_id}.json"));
    std::fs::create_dir_all(in_the_way.join("not-empty")).unwrap();
    let mut server = flow.spawn_server(&[]).await;
    flow.until_event(|event| event.state == State::Pending && event.error.is_some())
        .await;
    assert!(flow.fake.job(&job_id).unwrap().downloaded);

    server.kill().await.unwrap();

    std::fs::remove_dir_all(&in_the_way).unwrap();
    let _server = flow.spawn_server(&[]).await;
    assert_whole(&flow, &job_id).await;
}

async fn assert_whole(flow: &Flow, job_id: &str) {
    let result = flow.until_stored(job_id).await;
    assert_eq!(result["page_count"], 100);
    assert_eq!(flow.downloads(job_id), 1);
    assert!(!flow.part(job_id).exists());
}
