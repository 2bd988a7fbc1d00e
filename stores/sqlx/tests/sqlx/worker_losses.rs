//! Events that do not count as an attempt or a success: a claim whose result was lost, a neighbour that kills the
//! process, a transaction that ended by itself.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection, Transaction};
use tokio::sync::Notify;
use tokio::time::sleep;
use tower_svix_sqlx::inbox::{State, StoredEvent};
use tower_svix_sqlx::worker::{Backoff, BoxError};
use tower_svix_sqlx::{Engine, Inbox, Worker};
use tower_svix_tests::net::within;

use super::support::{
    Directory, OnPostgres, OnSqlite, TestDatabase, deliver, deliver_many, on_each_engine, open,
    soon, until,
};

on_each_engine!(
    an_event_that_kills_its_workers_does_not_take_its_neighbours_along,
    with_few_attempts_one_death_is_enough,
    a_transaction_that_ended_on_its_own_is_no_success,
    a_lowered_limit_tells_the_reason_of_the_failure,
);

async fn an_event_that_kills_its_workers_does_not_take_its_neighbours_along<T: TestDatabase>(
    database: T,
) {
    // A neighbour has two attempts that end with the process, and then one without the fatal event.
    beside_poison(database, 4, 3).await;
}

async fn with_few_attempts_one_death_is_enough<T: TestDatabase>(database: T) {
    beside_poison(database, 2, 2).await;
}

/// Each worker runs until the fatal event ends it, as an `abort` of the process does.
async fn beside_poison<T: TestDatabase>(
    database: T,
    max_attempts: u32,
    attempts_of_neighbours: u32,
) {
    const NEIGHBOURS: usize = 7;

    let inbox = database.inbox().await;
    deliver_many(&inbox, NEIGHBOURS).await;
    deliver(&inbox, "msg_poison", "{}").await;
    within(async {
        loop {
            let killed = Arc::new(Notify::new());
            let worker = Worker::new(inbox.clone(), {
                let killed = Arc::clone(&killed);
                move |event: StoredEvent| {
                    let killed = Arc::clone(&killed);
                    async move {
                        if event.id() == "msg_poison" {
                            // By then, all events of the batch run.
                            sleep(Duration::from_millis(100)).await;
                            killed.notify_one();
                            std::future::pending::<()>().await;
                        }
                        sleep(Duration::from_millis(300)).await;
                        Ok::<_, Infallible>(())
                    }
                }
            });
            let running = tokio::spawn(soon(worker).max_attempts(max_attempts).run());
            let is_over = async {
                until(&inbox, |counts| counts.pending + counts.running == 0).await;
            };
            tokio::select! {
                () = killed.notified() => {
                    running.abort();
                    let _ = running.await;
                    let day = Duration::from_hours(24);
                    database.age("webhook_inbox", "due_at", day).await;
                }
                () = is_over => {
                    running.abort();
                    break;
                }
            }
        }
    })
    .await;
    let counts = inbox.counts().await.unwrap();
    assert_eq!((counts.done, counts.dead), (NEIGHBOURS as u64, 1));
    let poison = inbox.show(8).await.unwrap().unwrap();
    assert_eq!((poison.state, poison.attempts), (State::Dead, max_attempts));
    for number in 1..8 {
        let neighbour = inbox.show(number).await.unwrap().unwrap();
        assert_eq!(neighbour.attempts, attempts_of_neighbours);
    }
}

/// A full disk ends a transaction of `SQLite`, as `ROLLBACK` does. The attempt fails, whatever the handler returns.
async fn a_transaction_that_ended_on_its_own_is_no_success<T: TestDatabase>(database: T)
where
    for<'c> &'c mut <T::Engine as sqlx::Database>::Connection: Executor<'c, Database = T::Engine>,
{
    let create = "CREATE TABLE effects (id TEXT PRIMARY KEY)";
    database.execute(create).await;
    let inbox = database.inbox().await;
    let worker = Worker::transactional(inbox.clone(), |event, transaction| {
        Box::pin(async move {
            let insert = format!("INSERT INTO effects VALUES ('{}')", event.id());
            run(transaction, &insert).await;
            if event.attempt() < 3 {
                run(transaction, "ROLLBACK").await;
            }
            Ok::<_, Infallible>(())
        })
    });
    // There are more events than connections in the pool.
    let running = tokio::spawn(soon(worker).run());
    deliver_many(&inbox, 30).await;
    until(&inbox, |counts| counts.done == 30).await;
    running.abort();
    assert_eq!(database.number("SELECT count(*) FROM effects").await, 30);
    for number in 1..=30 {
        assert_eq!(inbox.show(number).await.unwrap().unwrap().attempts, 3);
    }
}

async fn run<DB: Engine>(transaction: &mut Transaction<'static, DB>, sql: &str)
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    (&mut **transaction).execute(sql).await.unwrap();
}

/// `SQLite` rolls back as it does for a full disk, and the handler ignores the error.
#[tokio::test(flavor = "multi_thread")]
async fn what_sqlite_rolled_back_is_not_done() {
    let database = OnSqlite::new().await;
    database
        .execute("CREATE TABLE effects (id TEXT PRIMARY KEY)")
        .await;
    let inbox = database.inbox().await;
    let worker = Worker::transactional(inbox.clone(), |event, transaction| {
        Box::pin(async move {
            let insert = format!("INSERT OR ROLLBACK INTO effects VALUES ('{}')", event.id());
            let once = AssertSqlSafe(insert.clone());
            (&mut **transaction).execute(once).await?;
            if event.attempt() < 4 {
                let again = (&mut **transaction).execute(AssertSqlSafe(insert)).await;
                match event.attempt() {
                    1 => assert!(again.is_err()),
                    2 => assert!(again?.rows_affected() > 0),
                    _ => assert!(again.expect("a panic").rows_affected() > 0),
                }
            }
            Ok::<_, BoxError>(())
        })
    });
    let running = tokio::spawn(soon(worker).run());
    deliver_many(&inbox, 30).await;
    until(&inbox, |counts| counts.done == 30).await;
    running.abort();
    assert_eq!(database.number("SELECT count(*) FROM effects").await, 30);
    assert_eq!(inbox.show(1).await.unwrap().unwrap().attempts, 4);
}

async fn a_lowered_limit_tells_the_reason_of_the_failure<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    deliver_many(&inbox, 2).await;
    database
        .execute("UPDATE webhook_inbox SET attempts = 5")
        .await;
    database
        .execute("UPDATE webhook_inbox SET error = 'not today' WHERE number = 1")
        .await;
    let worker = Worker::new(inbox.clone(), |_| async { Ok::<_, Infallible>(()) });
    let running = tokio::spawn(soon(worker).max_attempts(2).run());
    until(&inbox, |counts| counts.dead == 2).await;
    running.abort();
    let first = inbox.show(1).await.unwrap().unwrap();
    assert_eq!(first.error.as_deref(), Some("not today"));
    let second = inbox.show(2).await.unwrap().unwrap().error.unwrap();
    assert!(!second.contains("died"), "{second}");
}

/// Nobody can take the event while the transaction is open, and the failure is recorded before the transaction ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_after_the_lease_is_written_down_on_sqlite() {
    let directory = Directory::new();
    let file = directory.0.join("webhooks.sqlite");
    let inbox = Inbox::new(open(file.clone()).await);
    inbox.migrate().await.unwrap();
    let slow = Worker::transactional(inbox.clone(), |_, _| {
        Box::pin(async {
            sleep(Duration::from_millis(2500)).await;
            Err::<(), _>("after the lease")
        })
    });
    let hour = Duration::from_hours(1);
    let slow = slow
        .lease(Duration::from_secs(1))
        .backoff(Backoff::new(hour, hour));
    let slow = tokio::spawn(slow.run());
    deliver_many(&inbox, 1).await;
    until(&inbox, |counts| counts.running == 1).await;
    // These workers stand for other processes: they wait for the lock of the transaction.
    let mut greedy = Vec::new();
    for _ in 0..4 {
        let theirs = Inbox::new(open(file.clone()).await);
        let worker = Worker::new(theirs, |_| async { Ok::<_, Infallible>(()) });
        greedy.push(tokio::spawn(soon(worker).run()));
    }
    until(&inbox, |counts| counts.pending == 1).await;
    for worker in greedy.iter().chain([&slow]) {
        worker.abort();
    }
    let failed = inbox.show(1).await.unwrap().unwrap();
    assert_eq!(failed.error.as_deref(), Some("after the lease"));
    assert_eq!(failed.attempts, 1);
}

/// A trigger delays the statement on the server for longer than the worker waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_commits_late_is_no_attempt() {
    let database = OnPostgres::new().await;
    let inbox = database.inbox().await;
    for sql in [
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NEW; END $$",
        "CREATE TRIGGER wait BEFORE UPDATE ON webhook_inbox FOR EACH ROW
            WHEN (NEW.state = 'running' AND OLD.state = 'pending') EXECUTE FUNCTION wait()",
    ] {
        database.execute(sql).await;
    }
    deliver_many(&inbox, 3).await;
    let mut lock = PgConnection::connect(&database.url).await.unwrap();
    let worker_pool = database.another_pool(20).await;
    let theirs = Inbox::new(worker_pool).timeout(Duration::from_millis(500));
    let worker = Worker::new(theirs, |_| async { Ok::<_, Infallible>(()) });
    lock.execute("SELECT pg_advisory_lock(42)").await.unwrap();
    let running = tokio::spawn(soon(worker).lease(Duration::from_secs(3)).run());
    // By now, the worker has given up waiting, and has given back the events that it knows of.
    sleep(Duration::from_millis(1500)).await;
    lock.execute("SELECT pg_advisory_unlock(42)").await.unwrap();
    until(&inbox, |counts| counts.done == 3).await;
    running.abort();
    for number in 1..=3 {
        assert_eq!(inbox.show(number).await.unwrap().unwrap().attempts, 1);
    }
}

/// While an event is running, no connection can be made for longer than the worker waits for one.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_does_not_begin_is_no_attempt() {
    let database = OnPostgres::new().await;
    let inbox = database.inbox().await;
    let is_closed = Arc::new(AtomicBool::new(true));
    let [before, after] = [(); 2].map(|()| Arc::clone(&is_closed));
    let pool = PgPoolOptions::new()
        .before_acquire(move |connection, _| {
            let is_closed = before.load(Ordering::SeqCst);
            Box::pin(async move { Ok(!is_closed || running_events(connection).await? == 0) })
        })
        .after_connect(move |connection, _| {
            let is_closed = after.load(Ordering::SeqCst);
            Box::pin(async move {
                if is_closed && running_events(connection).await? > 0 {
                    return Err(sqlx::Error::Protocol("no connection".into()));
                }
                Ok(())
            })
        })
        .connect_with(database.url.parse::<PgConnectOptions>().unwrap())
        .await
        .unwrap();
    let theirs = Inbox::new(pool).timeout(Duration::from_millis(300));
    let worker = Worker::transactional(theirs, |_, _| Box::pin(async { Ok::<_, Infallible>(()) }));
    let running = tokio::spawn(soon(worker).run());
    deliver_many(&inbox, 1).await;
    until(&inbox, |counts| counts.running == 1).await;
    sleep(Duration::from_secs(1)).await;
    is_closed.store(false, Ordering::SeqCst);
    until(&inbox, |counts| counts.done == 1).await;
    running.abort();
    assert_eq!(inbox.show(1).await.unwrap().unwrap().attempts, 1);
}

async fn running_events(connection: &mut PgConnection) -> sqlx::Result<i64> {
    let count = "SELECT count(*) FROM webhook_inbox WHERE state = 'running'";
    sqlx::query_scalar(count).fetch_one(connection).await
}
