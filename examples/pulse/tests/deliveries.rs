//! Deliveries that are not as one would like them.

mod support;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use pulse_flow::fake::sign;
use pulse_flow::queue::Queue;
use pulse_flow::{database, server};
use serde_json::json;
use support::{Flow, SECRET, event};
use tokio::net::TcpListener;
use tower_svix::Secret;

const WHEN: &str = "2024-01-15T10:30:00Z";

/// Serves on a free port, and returns the URL.
async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

fn secret() -> Secret {
    SECRET.parse().unwrap()
}

async fn deliver(url: &str, event_id: &str, body: &str) -> (StatusCode, HeaderMap, String) {
    let request = reqwest::Client::new()
        .post(url)
        .headers(sign(SECRET, event_id, body))
        .body(body.to_owned());
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    (status, headers, response.text().await.unwrap())
}

#[tokio::test]
async fn an_event_that_is_delivered_twice_is_queued_once() {
    let flow = Flow::start().await;
    let pool = database::open(&flow.database()).await.unwrap();
    let body = event("job.created", "job-1", WHEN).to_string();

    let url = serve(server::receiver(secret(), Queue::new(&pool))).await;
    assert_eq!(deliver(&url, "msg_1", &body).await.0, StatusCode::ACCEPTED);
    assert_eq!(deliver(&url, "msg_1", &body).await.0, StatusCode::OK);
    assert_eq!(flow.queued().await, 1);

    // After a restart nothing is in memory, but the queue knows.
    let url = serve(server::receiver(secret(), Queue::new(&pool))).await;
    assert_eq!(deliver(&url, "msg_1", &body).await.0, StatusCode::ACCEPTED);
    assert_eq!(flow.queued().await, 1);
}

#[tokio::test]
async fn a_job_that_has_finished_stays_so_whatever_comes_late() {
    let flow = Flow::start().await;
    flow.serve().await;
    let job_id = flow.submit("https://example.com/a.pdf").await;
    flow.until_stored(&job_id).await;

    for (number, late) in ["job.processing", "job.created"].iter().enumerate() {
        // By its timestamp it is the newest.
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
    let flow = Flow::start().await;
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
    flow.until_idle().await;
    assert!(flow.jobs().await.failed().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_genuine_payload_that_cannot_be_read_is_acknowledged_and_listed() {
    let flow = Flow::start().await;
    flow.serve().await;
    let pool = database::open(&flow.database()).await.unwrap();
    let url = serve(server::receiver(secret(), Queue::new(&pool))).await;
    let rows = [
        ("msg_1", r#"{"type": "job.completed", "#, "msg_1"),
        ("msg_2", "not JSON", "msg_2"),
        ("msg_3", r#"{"type": "job.completed"}"#, "msg_3"),
        // The job is known, so its result can be fetched.
        (
            "msg_4",
            r#"{"type": "job.completed", "data": {"job_id": "job-1"}}"#,
            "job-1",
        ),
    ];
    for (event_id, body, _) in rows {
        let (status, ..) = deliver(&url, event_id, body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    }
    assert_eq!(flow.queued().await, 4);
    flow.until_idle().await;

    let database = flow.database();
    let database = database.to_str().unwrap();
    let list = flow.run("failed", &["--database", database]).await;
    for (event_id, body, listed_as) in rows {
        let line = format!("{listed_as}  given up: the event {event_id} cannot be read: ");
        assert!(list.contains(&line), "{body} is missing in:\n{list}");
    }
}

#[tokio::test]
async fn a_job_goes_on_after_an_event_that_cannot_be_read() {
    let flow = Flow::start().await;
    flow.serve().await;
    let unreadable = json!({ "type": "job.created", "data": { "job_id": "job-1" } });
    let status = flow.fake.deliver("msg_1", &unreadable).await;
    assert_eq!(status, Some(StatusCode::ACCEPTED));
    flow.until("job-1", |job| job.given_up).await;

    let next = event("job.processing", "job-1", WHEN);
    flow.fake.deliver("msg_2", &next).await;
    flow.until("job-1", |job| job.status == "processing").await;
}

#[tokio::test]
async fn an_event_that_cannot_be_stored_is_left_to_the_sender() {
    let flow = Flow::start().await;
    let pool = database::open(&flow.database()).await.unwrap();
    let url = serve(server::receiver(secret(), Queue::new(&pool))).await;
    let body = event("job.created", "job-1", WHEN).to_string();

    sqlx::query("ALTER TABLE Jobs RENAME TO Away")
        .execute(&pool)
        .await
        .unwrap();
    let (status, headers, _) = deliver(&url, "msg_1", &body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(headers.contains_key("retry-after"));

    sqlx::query("ALTER TABLE Away RENAME TO Jobs")
        .execute(&pool)
        .await
        .unwrap();
    let (status, ..) = deliver(&url, "msg_1", &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "the retry is no duplicate");
    assert_eq!(flow.queued().await, 1);
}

#[tokio::test]
async fn an_event_whose_handler_panics_is_left_to_the_sender() {
    async fn receive() {
        panic!("an error that nobody expected");
    }
    let routes = Router::new().route("/webhook", post(receive));
    let url = serve(server::protect(routes, secret())).await;
    for _ in 0..2 {
        let (status, ..) = deliver(&url, "msg_1", "{}").await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    }
}
