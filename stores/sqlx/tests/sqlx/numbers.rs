//! The view of an operator: metrics, spans, and log events for failures.
#![cfg(all(feature = "metrics", feature = "tracing"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tower_svix_sqlx::worker::{BoxError, Failure};
use tower_svix_sqlx::{Inbox, Worker};
use tower_svix_tests::net::within;
use tower_svix_tests::subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::support::{OnPostgres, OnSqlite, TestDatabase, deliver};

/// Writes the fields of each span and event to a line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Lines {
    fn add(&self, name: &str, fields: impl FnOnce(&mut Line<'_>)) {
        let mut line = name.to_owned();
        fields(&mut Line(&mut line));
        self.0.lock().unwrap().push(line);
    }

    #[track_caller]
    fn assert_has(&self, parts: &[&str]) {
        let lines = self.0.lock().unwrap();
        let has = |line: &String| parts.iter().all(|part| line.contains(part));
        assert!(lines.iter().any(has), "{parts:?} in {lines:#?}");
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tower_svix_sqlx")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.add(attributes.metadata().name(), |line| attributes.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.add("event", |line| event.record(line));
    }
}

fn numbers(snapshotter: &Snapshotter) -> HashMap<String, DebugValue> {
    let numbers = snapshotter.snapshot().into_vec().into_iter();
    numbers
        .map(|(key, _, _, value)| {
            let (_, key) = key.into_parts();
            let labels = key
                .labels()
                .map(|label| format!(" {}={}", label.key(), label.value()));
            (
                format!("{}{}", key.name(), labels.collect::<String>()),
                value,
            )
        })
        .collect()
}

/// A trigger delays the mark for longer than the worker waits. When the worker repeats it, the event is already marked.
#[tokio::test(flavor = "current_thread")]
async fn what_is_marked_late_is_done_and_not_superseded() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _recorder = metrics::set_default_local_recorder(&recorder);

    let database = OnPostgres::new().await;
    let inbox = database.inbox().await;
    for sql in [
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_advisory_xact_lock_shared(43); RETURN NEW; END $$",
        "CREATE TRIGGER wait BEFORE UPDATE ON webhook_inbox FOR EACH ROW
            WHEN (NEW.state = 'done') EXECUTE FUNCTION wait()",
    ] {
        database.execute(sql).await;
    }
    let mut lock = PgConnection::connect(&database.url).await.unwrap();
    lock.execute("SELECT pg_advisory_lock(43)").await.unwrap();
    deliver(&inbox, "msg_late", "{}").await;
    let theirs = Inbox::new(database.another_pool(20).await);
    let theirs = theirs.timeout(Duration::from_millis(300));
    let worker = Worker::new(theirs, |_| async { Ok::<_, BoxError>(()) });
    let running = worker.run_until(async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        lock.execute("SELECT pg_advisory_unlock(43)").await.unwrap();
    });
    within(Box::pin(running)).await;
    let numbers = numbers(&snapshotter);
    let done = numbers.get("webhook_inbox_attempts_total outcome=done");
    assert_eq!(done, Some(&DebugValue::Counter(1)), "{numbers:?}");
}

/// Both recorders belong to this thread, so everything runs on it.
#[tokio::test(flavor = "current_thread")]
async fn operators_are_told_what_happens() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _recorder = metrics::set_default_local_recorder(&recorder);
    let lines = Lines::default();
    let _subscriber = subscriber::set_default(lines.clone());

    let database = OnSqlite::new().await;
    let inbox = database.inbox().await;
    for (id, body) in [
        ("msg_done", r#"{"type":"job.completed"}"#),
        ("msg_done", r#"{"type":"job.completed"}"#),
        ("msg_done", "another"),
        ("msg_dead", "{}"),
        ("msg_later", "{}"),
    ] {
        deliver(&inbox, id, body).await;
    }
    let worker = Worker::new(inbox.clone(), |event| async move {
        match event.id() {
            "msg_done" => Ok(()),
            "msg_dead" => Err::<(), BoxError>(Failure::permanent("no\n\u{2028}use").into()),
            _ => Err(Failure::retry_after("not yet", Duration::from_hours(1)).into()),
        }
    });
    let running = worker.run_until(async {
        let all = async {
            loop {
                let counts = inbox.counts().await.unwrap();
                if (counts.done, counts.dead, counts.running) == (1, 1, 0) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        within(all).await;
    });
    running.await;

    let numbers = numbers(&snapshotter);
    for (name, count) in [
        ("webhook_inbox_total outcome=stored", 3),
        ("webhook_inbox_total outcome=duplicate", 1),
        ("webhook_inbox_total outcome=conflict", 1),
        ("webhook_inbox_attempts_total outcome=done", 1),
        ("webhook_inbox_attempts_total outcome=dead", 1),
        ("webhook_inbox_attempts_total outcome=failed", 1),
    ] {
        assert_eq!(
            numbers.get(name),
            Some(&DebugValue::Counter(count)),
            "{name}"
        );
    }
    for (name, count) in [
        ("webhook_inbox_delay_seconds", 3),
        ("webhook_inbox_attempt_seconds", 3),
    ] {
        let Some(DebugValue::Histogram(values)) = numbers.get(name) else {
            panic!("{name}: {numbers:?}");
        };
        assert_eq!(values.len(), count, "{name}");
    }
    for state in ["pending", "running", "dead"] {
        for name in ["webhook_inbox_events", "webhook_inbox_oldest_seconds"] {
            let name = format!("{name} state={state}");
            assert!(
                matches!(numbers.get(&name), Some(DebugValue::Gauge(_))),
                "{name}"
            );
        }
    }

    lines.assert_has(&[
        "webhook_attempt",
        "messaging.message.id=\"msg_done\"",
        "webhook.event.type=\"job.completed\"",
        "webhook.attempt=1",
    ]);
    lines.assert_has(&["event", "code=\"conflict\"", "msg_done"]);
    lines.assert_has(&[
        "event",
        "code=\"event-dead\"",
        "msg_dead",
        r"no\n\u{2028}use",
    ]);
    lines.assert_has(&["event", "code=\"attempt-failed\"", "msg_later", "not yet"]);
}
