//! The whole flow, as a user at a command line runs it.

mod support;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Flow, eventually, read_json};

#[tokio::test]
async fn a_submitted_document_ends_as_a_file_with_its_result() {
    let flow = Flow::start().await;
    let schema = json!({ "type": "object", "properties": { "title": { "type": "string" } } });
    let schema = flow.file("schema.json", &schema.to_string());
    let _server = flow.spawn_server(&["--schema", &schema]).await;

    let link = flow.run("portal", &[]).await;
    assert!(link.starts_with("https://portal.invalid/"), "{link}");

    let document = flow.file("invoice.pdf", "%PDF-1.7");
    let job_id = flow.run("submit", &[&document, "--pages", "1-2"]).await;

    let result = flow.until_stored(&job_id).await;
    assert_eq!(result, flow_result(&flow, &job_id).await);
    let found = flow.results().join(format!("{job_id}.schema.json"));
    eventually("the schema is applied", || found.exists()).await;
    let found = read_json(&found);
    assert_eq!(
        found["schema_output"]["values"],
        json!({ "title": "sample" })
    );

    let status: Value = serde_json::from_str(&flow.run("status", &[&job_id]).await).unwrap();
    assert_eq!(status["status"], "completed");
    eventually("each event is acknowledged", || {
        acknowledged(&flow, &job_id)
    })
    .await;
}

/// Returns the result of a job, as the API has it.
async fn flow_result(flow: &Flow, job_id: &str) -> Value {
    flow.pulse.job(job_id).await.unwrap().result.unwrap()
}

fn acknowledged(flow: &Flow, job_id: &str) -> bool {
    let deliveries = flow.fake.deliveries();
    ["job.created", "job.processing", "job.completed"]
        .iter()
        .all(|event_type| {
            deliveries.iter().any(|delivery| {
                delivery.job_id == job_id
                    && delivery.event_type == *event_type
                    && delivery.status.is_some_and(|status| status.is_success())
            })
        })
}

#[tokio::test]
async fn a_large_result_is_downloaded_once_and_whole() {
    let flow = Flow::start().await;
    flow.serve().await;
    let job_id = flow.submit("https://example.com/large.pdf").await;

    let result = flow.until_stored(&job_id).await;

    assert_eq!(result["page_count"], 100);
    assert!(result["markdown"].as_str().unwrap().len() > 100_000);
    assert_eq!(flow.downloads(&job_id), 1);
}

#[tokio::test]
async fn a_job_that_failed_at_pulse_is_listed_with_the_reason() {
    let flow = Flow::start().await;
    flow.serve().await;
    let job_id = flow.submit("https://example.com/broken.pdf").await;

    let job = flow.until(&job_id, |job| job.status == "failed").await;

    let reason = "Document processing failed: Invalid PDF structure";
    assert_eq!(job.error.as_deref(), Some(reason));
    let list = flow.run("jobs", &["--database", flow.database()]).await;
    assert_eq!(list, format!("{job_id}  failed      {reason}"));
}

#[tokio::test]
async fn a_cancelled_job_has_no_result() {
    let flow = Flow::with_pace(Duration::from_hours(1)).await;
    flow.serve().await;
    let job_id = flow.submit("https://example.com/mistaken.pdf").await;

    assert_eq!(flow.run("cancel", &[&job_id]).await, "Job cancelled");

    let job = flow.until(&job_id, |job| job.status == "cancelled").await;
    assert_eq!(job.result, None);
    assert_eq!(std::fs::read_dir(flow.results()).unwrap().count(), 0);
}

#[tokio::test]
async fn the_demo_ends_well_and_what_it_names_is_still_there() {
    let flow = Flow::start().await;
    let shown = flow.run("demo", &[]).await;
    for line in [
        "crash ",
        "restart ",
        "completed ",
        "failed ",
        "cancelled ",
        "downloads of the large result: 1",
        "the same again 200",
        "a forged one   401",
    ] {
        assert!(shown.contains(line), "{line:?} is missing in:\n{shown}");
    }
    assert!(!shown.contains("app.svix.com"), "{shown}");
    let results: Vec<_> = shown
        .lines()
        .filter_map(|line| line.strip_prefix("result "))
        .map(|line| Path::new(line.split_whitespace().next().unwrap()))
        .collect();
    assert_eq!(results.len(), 2, "{shown}");
    for result in &results {
        assert!(read_json(result)["markdown"].is_string(), "{result:?}");
    }
    // The demo keeps its folder, so the test removes it.
    let folder = results[0].ancestors().nth(2).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}
