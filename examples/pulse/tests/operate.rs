//! The commands of an operator for the inbox.

mod support;

use axum::http::StatusCode;
use pulse_flow::fake::Trouble;
use support::{Flow, deliver, event};
use tower_svix_sqlx::inbox::State;

const WHEN: &str = "2024-01-15T10:30:00Z";

#[tokio::test]
async fn an_operator_sees_events_and_has_them_processed_again() {
    operates(Flow::start().await).await;
}

#[tokio::test]
async fn an_operator_sees_events_and_has_them_processed_again_on_postgres() {
    operates(Flow::on_postgres().await).await;
}

async fn operates(flow: Flow) {
    // Two jobs whose results cannot be fetched, so that their last events become dead.
    let mut job_ids = Vec::new();
    for document in ["https://example.com/a.pdf", "https://example.com/b.pdf"] {
        job_ids.push(flow.submit_and_complete(document).await);
    }
    flow.fake
        .trouble(Some(Trouble::Answers(StatusCode::FORBIDDEN, None)));
    let url = flow.serve().await;
    let dead = async || {
        let list = flow.operate(&["list", "--state", "dead"]).await;
        list.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    while dead().await.len() < 2 {
        flow.until_dead().await;
    }
    flow.until_received(6).await;
    flow.until_idle().await;

    let counts = flow.operate(&["count"]).await;
    // Each job has three events: created and processing are done, and completed is dead.
    let expected = ["pending  0", "running  0", "done     4", "dead     2"];
    assert_eq!(counts.lines().collect::<Vec<_>>(), expected);
    let all = flow.operate(&["list"]).await;
    assert_eq!(all.lines().count(), 6, "{all}");
    let page = flow
        .operate(&["list", "--limit", "2", "--after", "3"])
        .await;
    let numbers = page.lines().map(|line| line.split_whitespace().next());
    assert!(numbers.eq([Some("4"), Some("5")]), "{page}");

    let event = flow.until_dead().await;
    let by_number = flow.operate(&["show", &event.number.to_string()]).await;
    assert_eq!(by_number, flow.operate(&["show", &event.id]).await);
    for shown in ["dead", "job.completed", "403", &event.id, "\"status\":"] {
        assert!(by_number.contains(shown), "{shown} is not in {by_number}");
    }

    // Retry one event, which fails again at once.
    flow.operate(&["retry", &event.id]).await;
    flow.until_event(|again| again.id == event.id && again.state == State::Dead)
        .await;
    flow.fake.trouble(None);
    assert_eq!(
        flow.operate(&["retry", "--dead"]).await,
        "2 dead events are processed again"
    );
    for job_id in &job_ids {
        flow.until_stored(job_id).await;
    }
    flow.until_idle().await;

    flow.operate(&["forget", &event.id]).await;
    assert_eq!(flow.stored().await, 5);
    let body = format!(r#"{{"type":"job.archived","timestamp":"{WHEN}","data":{{}}}}"#);
    let (status, _) = deliver(&url, &event.id, body.as_bytes()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "it is stored again");
    flow.until_idle().await;

    assert_eq!(flow.operate(&["delete-done"]).await, "0 events are deleted");
    assert_eq!(flow.stored().await, 6, "they are done since a moment ago");
    let deleted = flow.operate(&["delete-done", "--hours", "0"]).await;
    assert_eq!(deleted, "6 events are deleted");
    assert_eq!(flow.stored().await, 0);
}

#[tokio::test]
async fn what_is_not_there_is_said_and_the_exit_code_tells() {
    let flow = Flow::start().await;
    for arguments in [
        &["show", "1"][..],
        &["show", "msg_1"],
        &["retry", "1"],
        &["retry"],
        &["retry", "1", "--dead"],
        &["forget", "\u{1b}[2J"],
    ] {
        let output = flow
            .command("inbox")
            .args(["--database", flow.database()])
            .args(arguments)
            .output()
            .await
            .unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

/// A text of a sender or of the API cannot leave its line.
#[tokio::test]
async fn what_is_printed_cannot_steer_the_terminal() {
    const HOSTILE: &str = "a\u{1b}[2Jb\nc\rd\u{9b}e\u{2028}f\u{202e}g";

    let flow = Flow::start().await;
    let url = flow.serve().await;
    let mut failed = event("job.failed", HOSTILE, WHEN);
    failed["data"]["error"] = HOSTILE.into();
    let mut new = event(HOSTILE, "job-1", WHEN);
    new["data"] = HOSTILE.into();
    // In this JSON, control characters are unescaped wherever JSON allows it.
    for (event_id, event) in [("msg_1", &failed), ("msg_2", &new)] {
        let body = event.to_string();
        let (status, _) = deliver(&url, event_id, body.as_bytes()).await;
        assert_eq!(status, StatusCode::ACCEPTED);
    }
    let unreadable = "{\"type\":\"job.completed\",\"\u{202e}\u{9b}";
    deliver(&url, "msg_3", unreadable.as_bytes()).await;
    // The result cannot be stored, because the id is not a safe file name.
    let completed = event("job.completed", HOSTILE, WHEN).to_string();
    deliver(&url, "msg_4", completed.as_bytes()).await;
    flow.until_idle().await;

    let mut printed = vec![flow.run("jobs", &["--database", flow.database()]).await];
    printed.push(flow.operate(&["list"]).await);
    for event_id in ["msg_1", "msg_2", "msg_3", "msg_4"] {
        printed.push(flow.operate(&["show", event_id]).await);
    }
    for text in printed {
        let is_harmless = |character: char| {
            character == '\n' || !(character.is_control() || "\u{2028}\u{202e}".contains(character))
        };
        assert!(text.chars().all(is_harmless), "{text:?}");
        assert!(text.lines().all(|line| !line.starts_with('c')), "{text:?}");
    }
}

#[tokio::test]
async fn the_numbers_of_the_inbox_are_served_to_prometheus() {
    let flow = Flow::start().await;
    flow.serve().await;
    let address = pulse_flow::metrics::serve("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let body = event("job.created", "job-1", WHEN);
    flow.fake.deliver("msg_1", &body).await;
    flow.until_idle().await;
    let numbers = reqwest::get(format!("http://{address}/metrics"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for name in ["webhook_inbox_total", "webhook_inbox_attempts_total"] {
        assert!(numbers.contains(name), "{name} is missing in:\n{numbers}");
    }
}

#[tokio::test]
async fn the_database_can_be_named_as_a_file_or_as_a_url_before_the_operation_or_after() {
    let flow = Flow::start().await;
    flow.serve().await;
    let event = event("job.created", "job-1", WHEN);
    flow.fake.deliver("msg_1", &event).await;
    flow.until_idle().await;
    let file = flow.database();
    let url = format!("sqlite://{file}?mode=rw");
    for arguments in [
        ["--database", file, "list"],
        ["--database", &url, "list"],
        ["list", "--database", file],
    ] {
        let list = flow.run("inbox", &arguments).await;
        assert!(list.contains("msg_1"), "{arguments:?}: {list}");
    }
    let mut command = flow.command("inbox");
    command.arg("list").env("DATABASE_URL", &url);
    let output = command.output().await.unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("msg_1"));
}
