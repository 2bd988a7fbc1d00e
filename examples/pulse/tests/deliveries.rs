//! Unusual deliveries: duplicates, late events, new types and unreadable payloads.

mod support;

use axum::Router;
use axum::http::StatusCode;
use pulse_flow::database::Database;
use pulse_flow::{inbox, server};
use serde_json::json;
use sqlx::SqlitePool;
use support::{Flow, SECRET, deliver, event};
use tokio::net::TcpListener;
use tower_svix::Secret;
use tower_svix_sqlx::inbox::State;

const WHEN: &str = "2024-01-15T10:30:00Z";

/// Starts a receiver without a worker, on a free port. Returns its URL.
async fn receive(flow: &Flow) -> String {
    let secret: Secret = SECRET.parse().unwrap();
    let routes: Router = server::receiver(secret, inbox::open(pool(flow).await));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

async fn pool(flow: &Flow) -> SqlitePool {
    match flow.open().await {
        Database::Sqlite(pool) => pool,
        Database::Postgres(_) => panic!("the default is SQLite"),
    }
}

#[tokio::test]
async fn an_event_that_is_delivered_twice_is_stored_once() {
    let flow = Flow::start().await;
    let body = event("job.created", "job-1", WHEN).to_string();
    let body = body.as_bytes();

    let url = receive(&flow).await;
    assert_eq!(deliver(&url, "msg_1", body).await.0, StatusCode::ACCEPTED);
    assert_eq!(deliver(&url, "msg_1", body).await.0, StatusCode::OK);

    // A new receiver has nothing in memory, but the inbox remembers the event.
    let url = receive(&flow).await;
    assert_eq!(deliver(&url, "msg_1", body).await.0, StatusCode::OK);
    assert_eq!(flow.stored().await, 1);
}

#[tokio::test]
async fn a_job_that_has_finished_stays_so_whatever_comes_late() {
    let flow = Flow::start().await;
    flow.serve().await;
    let job_id = flow.submit("https://example.com/a.pdf").await;
    flow.until_stored(&job_id).await;

    for (number, late) in ["job.processing", "job.created"].iter().enumerate() {
        // Its timestamp is the latest of all.
        let late = event(late, &job_id, "2099-01-01T00:00:00Z");
        let status = flow.fake.deliver(&format!("msg_late{number}"), &late).await;
        assert_eq!(status, Some(StatusCode::ACCEPTED));
    }
    flow.until_idle().await;

    let job = flow.until(&job_id, |_| true).await;
    assert_eq!(job.status, "completed");
    assert!(job.result.is_some());
}

#[tokio::test]
async fn the_status_of_a_job_does_not_depend_on_the_order_of_its_events() {
    the_order_does_not_matter(Flow::start().await).await;
}

#[tokio::test]
async fn the_status_of_a_job_does_not_depend_on_the_order_of_its_events_on_postgres() {
    the_order_does_not_matter(Flow::on_postgres().await).await;
}

async fn the_order_does_not_matter(flow: Flow) {
    flow.serve().await;
    let orders = [
        ["job.created", "job.processing", "job.cancelled"],
        ["job.cancelled", "job.processing", "job.created"],
        ["job.processing", "job.cancelled", "job.created"],
    ];
    for (number, order) in orders.iter().enumerate() {
        let job_id = format!("job-{number}");
        for (step, event_type) in order.iter().enumerate() {
            let event_id = format!("msg_{number}_{step}");
            let event = event(event_type, &job_id, WHEN);
            let status = flow.fake.deliver(&event_id, &event).await;
            assert_eq!(status, Some(StatusCode::ACCEPTED));
        }
    }
    flow.until_idle().await;
    for (number, order) in orders.iter().enumerate() {
        let job = flow.until(&format!("job-{number}"), |_| true).await;
        assert_eq!(job.status, "cancelled", "{order:?}");
    }
}

#[tokio::test]
async fn an_event_of_a_new_type_is_acknowledged() {
    let flow = Flow::start().await;
    flow.serve().await;
    let new = event("job.archived", "job-1", WHEN);
    let status = flow.fake.deliver("msg_1", &new).await;
    assert_eq!(status, Some(StatusCode::ACCEPTED));
    flow.until_event(|event| event.state == State::Done).await;
}

#[tokio::test]
async fn a_genuine_payload_that_cannot_be_read_is_acknowledged_and_stored_byte_for_byte() {
    let flow = Flow::start().await;
    let url = flow.serve().await;
    let rows: [(&str, &[u8], &str); 4] = [
        ("msg_1", br#"{"type": "job.completed", "#, "not as expected"),
        ("msg_2", b"not JSON", "not as expected"),
        (
            "msg_3",
            br#"{"type": "job.completed", "timestamp": "2024-01-15T10:30:00Z"}"#,
            "the field `data` is missing",
        ),
        (
            "msg_4",
            b"{\"type\": \"job.completed\xff\"}\r\n\0",
            "not as expected",
        ),
    ];
    for (event_id, body, _) in rows {
        let (status, _) = deliver(&url, event_id, body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{event_id}");
    }
    flow.until_idle().await;

    let list = flow.operate(&["list", "--state", "dead"]).await;
    assert_eq!(list.lines().count(), rows.len(), "{list}");
    for (event_id, body, problem) in rows {
        let mut lines = list.lines().filter(|line| line.contains(event_id));
        let line = lines.next().unwrap();
        assert!(line.contains("the event cannot be read"), "{line}");
        assert!(line.contains(problem), "{line}");
        let output = flow
            .command("inbox")
            .args(["--database", flow.database(), "show", event_id, "--raw"])
            .output()
            .await
            .unwrap();
        assert_eq!(output.stdout, body, "{event_id}");
    }
}

#[tokio::test]
async fn a_job_goes_on_after_an_event_that_cannot_be_read() {
    let flow = Flow::start().await;
    flow.serve().await;
    let unreadable = json!({ "type": "job.created", "data": { "job_id": "job-1" } });
    let status = flow.fake.deliver("msg_1", &unreadable).await;
    assert_eq!(status, Some(StatusCode::ACCEPTED));
    flow.until_dead().await;

    let next = event("job.processing", "job-1", WHEN);
    flow.fake.deliver("msg_2", &next).await;
    flow.until("job-1", |job| job.status == "processing").await;
}

#[tokio::test]
async fn an_event_that_cannot_be_stored_is_left_to_the_sender() {
    let flow = Flow::start().await;
    let pool = pool(&flow).await;
    let url = receive(&flow).await;
    let body = event("job.created", "job-1", WHEN).to_string();
    let body = body.as_bytes();

    let away = "ALTER TABLE webhook_inbox RENAME TO away";
    sqlx::query(away).execute(&pool).await.unwrap();
    let (status, headers) = deliver(&url, "msg_1", body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(headers.contains_key("retry-after"));

    let back = "ALTER TABLE away RENAME TO webhook_inbox";
    sqlx::query(back).execute(&pool).await.unwrap();
    let (status, _) = deliver(&url, "msg_1", body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "the retry is no duplicate");
    assert_eq!(flow.stored().await, 1);
}

#[tokio::test]
async fn what_is_acknowledged_is_on_disk() {
    let flow = Flow::start().await;
    let pool = pool(&flow).await;
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&pool)
        .await
        .unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
        .fetch_one(&pool)
        .await
        .unwrap();
    // 2 is FULL.
    assert_eq!((journal.as_str(), synchronous), ("wal", 2));
}
