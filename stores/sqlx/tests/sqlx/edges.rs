//! Edge cases: the longest durations, rows that this crate did not write, and the texts of errors.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Response;
use sqlx::Executor as _;
use sqlx::Row as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::time::sleep;
use tower::{Layer as _, ServiceExt as _};
use tower_svix::VerifiedEvent;
use tower_svix_sqlx::inbox::{Filter, State, StoredEvent};
use tower_svix_sqlx::worker::{Backoff, BoxError, Failure};
use tower_svix_sqlx::{Inbox, SqlStore, Worker};
use tower_svix_tests::net::{self, Delivery, within};

use super::support::{OnPostgres, OnSqlite, TestDatabase, deliver_many, on_each_engine, until};

on_each_engine!(
    the_longest_times_are_taken,
    a_failure_among_sources_decides,
    dead_events_are_deleted_when_an_operator_says_so,
    a_table_of_another_version_is_rejected,
);

async fn the_longest_times_are_taken<T: TestDatabase>(database: T) {
    let max = Duration::MAX;
    let inbox = database.inbox().await.timeout(max).operator_timeout(max);
    let worker = Worker::new(inbox.clone(), |event| async move {
        match event.id() {
            "msg_0" => Ok(()),
            "msg_1" => Err::<(), BoxError>("an error".into()),
            "msg_2" => std::future::pending().await,
            _ => Err(Failure::retry_after("later", Duration::MAX).into()),
        }
    });
    let worker = worker
        .lease(max)
        .timeout(max)
        .grace(Duration::ZERO)
        .poll_interval(max)
        .backoff(Backoff::new(max, max));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(worker.run_until(async {
        let _ = stopped.await;
    }));
    deliver_many(&inbox, 4).await;
    until(&inbox, |counts| {
        (counts.done, counts.pending, counts.running) == (1, 2, 1)
    })
    .await;
    stop.send(()).unwrap();
    within(running).await.unwrap();
    assert_eq!(inbox.counts().await.unwrap().pending, 3);
    assert_eq!(inbox.delete_done(max).await.unwrap(), 0);
    let entries = inbox.list(&Filter::new(), 10).await.unwrap();
    assert_eq!(entries.len(), 4);
}

#[derive(Debug)]
struct Wrapped(Failure);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the payload is of no use")
    }
}

impl Error for Wrapped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

async fn a_failure_among_sources_decides<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let worker = Worker::new(inbox.clone(), |_| async {
        Err::<(), _>(Wrapped(Failure::permanent("never")))
    });
    let running = tokio::spawn(worker.run());
    deliver_many(&inbox, 1).await;
    until(&inbox, |counts| counts.dead == 1).await;
    running.abort();
    assert_eq!(inbox.show(1).await.unwrap().unwrap().attempts, 1);
}

async fn dead_events_are_deleted_when_an_operator_says_so<T: TestDatabase>(database: T) {
    const RETENTION: Duration = Duration::from_hours(1);

    let inbox = database.inbox().await;
    deliver_many(&inbox, 3).await;
    for (number, state) in [(1, "done"), (2, "dead")] {
        let set = format!(
            "UPDATE webhook_inbox SET state = '{state}', ended_at = due_at WHERE number = {number}"
        );
        database.execute(&set).await;
    }
    assert_eq!(inbox.delete_dead(RETENTION).await.unwrap(), 0);
    database.age("webhook_inbox", "ended_at", RETENTION).await;
    assert_eq!(inbox.delete_dead(RETENTION).await.unwrap(), 1);
    let left = inbox.list(&Filter::new(), 10).await.unwrap();
    let left: Vec<_> = left.iter().map(|entry| entry.number).collect();
    assert_eq!(left, [1, 3]);
}

async fn a_table_of_another_version_is_rejected<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let store = SqlStore::new(database.pool());
    store.migrate().await.unwrap();
    database
        .execute("ALTER TABLE webhook_inbox RENAME COLUMN worker TO another")
        .await;
    let error = inbox.migrate().await.unwrap_err().to_string();
    assert!(
        error.contains("webhook_inbox") && error.contains("`worker`"),
        "{error}"
    );
    let store = store.table("webhook_inbox".parse().unwrap());
    let error = store.migrate().await.unwrap_err().to_string();
    assert!(error.contains("`fingerprint`"), "{error}");
}

/// Only another program can have written a text that is not UTF-8.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_does_not_hold_up_the_rest() {
    let database = OnSqlite::new().await;
    let inbox = database.inbox().await;
    deliver_many(&inbox, 3).await;
    database
        .execute("UPDATE webhook_inbox SET id = CAST(x'ff' AS TEXT) WHERE number = 2")
        .await;
    let worker = Worker::new(inbox.clone(), |_| async { Ok::<_, Infallible>(()) });
    let running = tokio::spawn(worker.run());
    until(&inbox, |counts| (counts.done, counts.dead) == (2, 1)).await;
    running.abort();
    let dead = Filter::new().state(State::Dead);
    let listed = inbox.list(&dead, 10).await.unwrap();
    assert_eq!((listed[0].number, &*listed[0].id), (2, "\u{fffd}"));
    let error = listed[0].error.as_deref().unwrap();
    assert!(error.contains("cannot be read"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_shows_no_values_of_a_row() {
    let database = OnPostgres::new().await;
    let inbox = database.inbox().await;
    deliver_many(&inbox, 1).await;
    for sql in [
        "UPDATE webhook_inbox SET state = 'dead'",
        "ALTER TABLE webhook_inbox ADD CONSTRAINT c CHECK (state <> 'pending')",
    ] {
        database.execute(sql).await;
    }
    let error = inbox.retry(1).await.unwrap_err();
    let mut texts = vec![format!("{error} {error:?} {error:#?}")];
    let mut source = error.source();
    while let Some(error) = source {
        texts.push(format!("{error} {error:?}"));
        source = error.source();
    }
    for text in texts {
        assert!(!text.contains("msg_0"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_waits_for_longer_than_a_sender() {
    let database = OnPostgres::new().await;
    let inbox = database.inbox().await.timeout(Duration::from_millis(200));
    let pool = database.pool();
    let mut lock = pool.begin().await.unwrap();
    lock.execute("LOCK TABLE webhook_inbox IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let counting = tokio::spawn(async move { inbox.counts().await });
    sleep(Duration::from_secs(1)).await;
    lock.rollback().await.unwrap();
    within(counting).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cleanup_that_waits_for_the_database_is_stopped_at_once() {
    let database = OnPostgres::new().await;
    let hour = Duration::from_hours(1);
    let inbox = database.inbox().await.timeout(hour).operator_timeout(hour);
    let mut lock = database.pool().begin().await.unwrap();
    lock.execute("LOCK TABLE webhook_inbox IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let cleanup = inbox.spawn_cleanup(hour, hour);
    sleep(Duration::from_millis(200)).await;
    within(cleanup.stop()).await;
}

/// Creating a schema needs a right on the database. A user without it can use a schema that exists.
#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_there_is_not_created() {
    let database = OnPostgres::new().await;
    let schema = &database.schema;
    let role = format!("tables_{}", std::process::id());
    for sql in [
        format!("CREATE ROLE {role} LOGIN"),
        format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}"),
    ] {
        database.execute(&sql).await;
    }
    let url = database
        .url
        .replace("postgres://postgres@", &format!("postgres://{role}@"));
    let pool = tower_svix_tests::postgres_server::connect(&url).await;
    let table = |name: &str| name.parse().unwrap();
    let inbox = Inbox::new(pool.clone()).table(table(&format!("{schema}.inbox")));
    inbox.migrate().await.unwrap();
    let other = SqlStore::new(pool).table(table("a_new_schema.ids"));
    other.migrate().await.unwrap_err();
}

/// If the worker is frozen, Postgres ends its transaction after this time.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_may_be_idle_for_as_long_as_its_handler_may_take() {
    for (of_the_user, timeout, expected) in [
        ("0", 2, "3s"),
        ("2500ms", 2, "2500ms"),
        ("10min", 2, "3s"),
        ("0", 1_000_000_000, "2147483647ms"),
    ] {
        let database = OnPostgres::new().await;
        let inbox = database.inbox().await;
        let options: PgConnectOptions = database.url.parse().unwrap();
        let options = options.options([("idle_in_transaction_session_timeout", of_the_user)]);
        let theirs = Inbox::new(PgPoolOptions::new().connect_lazy_with(options));
        let seen: Arc<Mutex<Option<String>>> = Arc::default();
        let worker = Worker::transactional(theirs, {
            let seen = Arc::clone(&seen);
            move |_, transaction| {
                let seen = Arc::clone(&seen);
                Box::pin(async move {
                    let show = "SHOW idle_in_transaction_session_timeout";
                    let row = (&mut **transaction).fetch_one(show).await?;
                    *seen.lock().unwrap() = Some(row.get(0));
                    Ok::<_, sqlx::Error>(())
                })
            }
        });
        let running = tokio::spawn(worker.timeout(Duration::from_secs(timeout)).run());
        deliver_many(&inbox, 1).await;
        until(&inbox, |counts| counts.done == 1).await;
        running.abort();
        assert_eq!(seen.lock().unwrap().as_deref(), Some(expected));
    }
}

/// A test makes its event from one that was verified.
#[tokio::test]
async fn a_handler_is_tested_with_an_event_that_was_verified() {
    let service = net::layer().layer(tower::service_fn(|request: http::Request<_>| async move {
        let event = request.extensions().get::<VerifiedEvent>().cloned();
        let event = StoredEvent::not_stored(&event.unwrap()).with_attempt(3);
        let _: tower_svix::VerifiedBody = request.into_body();
        assert_eq!(
            (event.id(), event.attempt(), event.number()),
            ("msg_1", 3, 0)
        );
        assert_eq!(event.event_type(), Some("job.completed"));
        assert_eq!(event.payload(), r#"{"type":"job.completed"}"#);
        Ok::<_, Infallible>(Response::new(String::new()))
    }));
    let delivery = Delivery::genuine("msg_1", r#"{"type":"job.completed"}"#);
    let mut request = http::Request::new(http_body_util::Full::new(delivery.body.clone()));
    *request.headers_mut() = delivery.headers();
    assert_eq!(service.oneshot(request).await.unwrap().status(), 200);
}
