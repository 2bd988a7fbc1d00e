//! Rows that the table assigns to a worker although no attempt of it runs, and leases beside a locked row.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tower_svix_sqlx::{Engine, Inbox, Worker};
use tower_svix_tests::net::within;

use super::support::{
    OnPostgres, OnSqlite, TestDatabase, deliver_many, on_each_engine, soon, until,
};

on_each_engine!(
    an_error_whose_text_panics_is_a_failed_attempt,
    an_error_whose_text_panics_is_a_failed_attempt_in_a_transaction,
    an_attempt_that_breaks_off_is_a_failed_attempt,
    a_claim_that_comes_to_light_late_is_no_attempt,
);

/// An error whose `Display` panics.
#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no words")
    }
}

impl Error for Unspeakable {}

async fn an_error_whose_text_panics_is_a_failed_attempt<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let worker = Worker::new(inbox.clone(), |_| async { Err::<(), _>(Unspeakable) });
    fails_twice(&inbox, worker).await;
}

async fn an_error_whose_text_panics_is_a_failed_attempt_in_a_transaction<T: TestDatabase>(
    database: T,
) {
    let inbox = database.inbox().await;
    let worker = Worker::transactional(inbox.clone(), |_, _| {
        Box::pin(async { Err::<(), _>(Unspeakable) })
    });
    fails_twice(&inbox, worker).await;
}

/// A panic payload that panics when it is dropped.
struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("once more")
    }
}

async fn an_attempt_that_breaks_off_is_a_failed_attempt<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let called = Arc::new(AtomicUsize::new(0));
    let worker = Worker::new(inbox.clone(), {
        let called = Arc::clone(&called);
        move |_| {
            called.fetch_add(1, Ordering::SeqCst);
            async {
                std::panic::panic_any(PanicsWhenDropped);
                #[allow(unreachable_code, reason = "it has the type of a handler")]
                Ok::<_, Infallible>(())
            }
        }
    });
    let worker = soon(worker).lease(Duration::from_secs(1)).max_attempts(2);
    let running = tokio::spawn(worker.run());
    deliver_many(&inbox, 1).await;
    until(&inbox, |counts| counts.dead == 1).await;
    running.abort();
    let dead = inbox.show(1).await.unwrap().unwrap();
    assert_eq!((dead.attempts, called.load(Ordering::SeqCst)), (2, 2));
    assert_eq!(dead.error.as_deref(), Some("the attempt panicked"));
}

async fn fails_twice<DB: Engine>(inbox: &Inbox<DB>, worker: Worker<DB>) {
    let running = tokio::spawn(soon(worker).max_attempts(2).run());
    deliver_many(inbox, 1).await;
    until(inbox, |counts| counts.dead == 1).await;
    running.abort();
    let dead = inbox.show(1).await.unwrap().unwrap();
    assert_eq!(dead.attempts, 2);
    assert!(dead.error.unwrap().contains("no words"));
}

/// The database carries out a claim late, when the worker has been idle for a while.
async fn a_claim_that_comes_to_light_late_is_no_attempt<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let gate = Arc::new(Semaphore::new(0));
    let worker = Worker::new(inbox.clone(), {
        let gate = Arc::clone(&gate);
        move |_| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                Ok::<_, Infallible>(())
            }
        }
    });
    let running = tokio::spawn(soon(worker).lease(Duration::from_secs(1)).run());
    deliver_many(&inbox, 1).await;
    until(&inbox, |counts| counts.running == 1).await;
    let keep = "CREATE TABLE kept AS SELECT worker, token FROM webhook_inbox";
    database.execute(keep).await;
    gate.add_permits(1);
    until(&inbox, |counts| counts.done == 1).await;

    let claim = "UPDATE webhook_inbox SET state = 'running', ended_at = NULL, attempts = 1,
        worker = (SELECT worker FROM kept), token = (SELECT token FROM kept)";
    database.execute(claim).await;
    gate.add_permits(1);
    until(&inbox, |counts| counts.done == 1).await;
    running.abort();
    assert_eq!(inbox.show(1).await.unwrap().unwrap().attempts, 1);
}

/// Only another program can have written a text that is not UTF-8.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_dead_once_the_database_takes_that() {
    let database = OnSqlite::new().await;
    let inbox = database.inbox().await;
    deliver_many(&inbox, 1).await;
    for sql in [
        "UPDATE webhook_inbox SET id = CAST(x'ff' AS TEXT)",
        "CREATE TRIGGER no_death BEFORE UPDATE ON webhook_inbox WHEN NEW.state = 'dead'
            BEGIN SELECT RAISE(ABORT, 'not now'); END",
    ] {
        database.execute(sql).await;
    }
    let worker = Worker::new(inbox.clone(), |_| async { Ok::<_, Infallible>(()) });
    let running = tokio::spawn(soon(worker).lease(Duration::from_secs(1)).run());
    until(&inbox, |counts| counts.running == 1).await;
    database.execute("DROP TRIGGER no_death").await;
    until(&inbox, |counts| counts.dead == 1).await;
    running.abort();
}

/// Another session keeps one row locked.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_costs_its_neighbours_no_lease() {
    let database = OnPostgres::new().await;
    let inbox = database.inbox().await;
    let begun = Arc::new(AtomicUsize::new(0));
    let cut_off = Arc::new(AtomicUsize::new(0));
    let worker = || {
        let theirs = inbox.clone().timeout(Duration::from_millis(300));
        let (begun, cut_off) = (Arc::clone(&begun), Arc::clone(&cut_off));
        let worker = Worker::new(theirs, move |_| {
            begun.fetch_add(1, Ordering::SeqCst);
            let counted = Counted(Arc::clone(&cut_off));
            async move {
                let _counted = counted;
                std::future::pending::<Result<(), Infallible>>().await
            }
        });
        tokio::spawn(soon(worker).lease(Duration::from_secs(1)).run())
    };
    deliver_many(&inbox, 3).await;
    let first = worker();
    until(&inbox, |counts| counts.running == 3).await;
    let mut psql = PgConnection::connect(&database.url).await.unwrap();
    let mut transaction = psql.begin().await.unwrap();
    let lock = "SELECT number FROM webhook_inbox WHERE number = 1 FOR UPDATE";
    transaction.execute(lock).await.unwrap();
    let second = worker();
    let leases = "SELECT (extract(epoch FROM min(due_at)) * 1000)::BIGINT FROM webhook_inbox
        WHERE number > 1";
    let at_first = database.number(leases).await;
    within(async {
        // This is twice the lease.
        while database.number(leases).await < at_first + 2000 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(begun.load(Ordering::SeqCst), 3);
    assert_eq!(cut_off.load(Ordering::SeqCst), 0);
    first.abort();
    second.abort();
    transaction.rollback().await.unwrap();
}

/// Increments the counter when it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Only one connection can write at a time, and the handler's transaction is that one.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_table_waits_for_its_turn_beside_a_busy_inbox() {
    let database = OnSqlite::new().await;
    let inbox = database.inbox().await;
    let gate = Arc::new(Semaphore::new(0));
    let worker = Worker::transactional(inbox.clone(), {
        let gate = Arc::clone(&gate);
        move |_, _| {
            let gate = Arc::clone(&gate);
            Box::pin(async move {
                gate.acquire().await.unwrap().forget();
                Ok::<_, Infallible>(())
            })
        }
    });
    let running = tokio::spawn(soon(worker).run());
    deliver_many(&inbox, 1).await;
    until(&inbox, |counts| counts.running == 1).await;
    let another = Inbox::new(database.pool())
        .timeout(Duration::from_millis(100))
        .table("another".parse().unwrap());
    let open = async {
        sleep(Duration::from_millis(500)).await;
        gate.add_permits(1);
    };
    let (migrated, ()) = within(async { tokio::join!(another.migrate(), open) }).await;
    migrated.unwrap();
    running.abort();
}
