//! The receiver dies between the acknowledgement of an event and the work on it.

mod support;

use pulse_flow::fake::Trouble;
use support::{Flow, eventually};

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_worked_on_after_a_restart() {
    const JOBS: usize = 20;

    let flow = Flow::start().await;
    let mut job_ids = Vec::new();
    for number in 0..JOBS {
        let document = format!("https://example.com/{number}.pdf");
        job_ids.push(flow.submit_and_complete(&document).await);
    }
    // The worker will not get anything done: some jobs are under way when the server dies, and the others wait.
    flow.fake.trouble(Some(Trouble::Hangs));
    let mut server = flow.spawn_server(&[]).await;
    eventually("every event is acknowledged", || {
        let deliveries = flow.fake.deliveries();
        let acknowledged = deliveries
            .iter()
            .filter(|delivery| delivery.status.is_some_and(|status| status.is_success()));
        // Created, processing, completed.
        acknowledged.count() == 3 * JOBS
    })
    .await;
    eventually("the worker is at work", || {
        let requests = flow.fake.requests();
        requests.iter().any(|line| line.starts_with("GET /job/"))
    })
    .await;

    // On Unix, this is SIGKILL.
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
