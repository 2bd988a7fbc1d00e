//! Counts the work of statements. It must not grow with rows that do not concern the statement.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use tower_svix_sqlx::inbox::{Filter, State};
use tower_svix_sqlx::{Engine, Inbox, Worker};
use tower_svix_tests::postgres_server::PostgresServer;

use super::support::{Directory, deliver, deliver_many, until};

const FEW: u64 = 400;
const MANY: u64 = 20_000;

/// Returns a pool that counts the steps of `SQLite`'s virtual machine.
async fn counting_pool(file: std::path::PathBuf, steps: &Arc<AtomicU64>) -> SqlitePool {
    let steps = Arc::clone(steps);
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    SqlitePoolOptions::new()
        .after_connect(move |connection, _| {
            let steps = Arc::clone(&steps);
            Box::pin(async move {
                let mut handle = connection.lock_handle().await?;
                handle.set_progress_handler(10, move || {
                    steps.fetch_add(10, Ordering::Relaxed);
                    true
                });
                Ok(())
            })
        })
        .connect_with(options)
        .await
        .unwrap()
}

/// Inserts `events` events in one state.
async fn fill(pool: &SqlitePool, events: u64, order_key: &str, state: &str) {
    let insert = sqlx::AssertSqlSafe(format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {events})
        INSERT INTO webhook_inbox (key, id, sent_at, payload, order_key, state, ended_at)
        SELECT CAST(i AS BLOB), 'msg_' || i, 0, x'', {order_key}, '{state}', unixepoch() * 1000 FROM n"
    ));
    sqlx::query(insert).execute(pool).await.unwrap();
}

/// Processes events with and without an order key. The worker almost never polls.
async fn process<DB: Engine>(inbox: &Inbox<DB>, theirs: &Inbox<DB>) {
    let ordered = inbox
        .clone()
        .order_by_key(|event| Some(event.id().to_owned()));
    for number in 0..10 {
        deliver(inbox, &format!("plain_{number}"), "{}").await;
        deliver(&ordered, &format!("ordered_{number}"), "{}").await;
    }
    let worker = Worker::new(theirs.clone(), |_| async { Ok::<_, Infallible>(()) });
    let worker = worker.poll_interval(Duration::from_hours(1)).concurrency(2);
    let running = tokio::spawn(worker.run());
    until(inbox, |counts| counts.done == 20).await;
    running.abort();
    let _ = running.await;
}

/// The first event of a key waits for its next attempt, and all others of the key wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_stuck_costs_the_same_however_many_wait_on_sqlite() {
    let mut costs = Vec::new();
    for waiting in [FEW, MANY] {
        let directory = Directory::new();
        let file = directory.0.join("webhooks.sqlite");
        let pool = super::support::open(file.clone()).await;
        let inbox = Inbox::new(pool.clone()).timeout(Duration::from_secs(20));
        inbox.migrate().await.unwrap();
        fill(&pool, waiting, "x'01'", "pending").await;
        sqlx::query("UPDATE webhook_inbox SET due_at = due_at + 86400000 WHERE number = 1")
            .execute(&pool)
            .await
            .unwrap();
        let steps = Arc::new(AtomicU64::new(0));
        let theirs = Inbox::new(counting_pool(file, &steps).await);
        process(&inbox, &theirs).await;
        costs.push(steps.load(Ordering::Relaxed));
    }
    assert!(costs[1] < costs[0] * 4, "{costs:?}");
}

/// Starts a server that counts the work of each statement.
fn counting_server() -> PostgresServer {
    PostgresServer::with_options(&[
        "-c",
        "fsync=off",
        "-c",
        "shared_preload_libraries=pg_stat_statements",
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_stuck_costs_the_same_however_many_wait_on_postgres() {
    let mut costs = Vec::new();
    for waiting in [FEW, MANY] {
        let server = counting_server();
        let pool = server.pool().await;
        let inbox = Inbox::new(pool.clone()).timeout(Duration::from_secs(20));
        inbox.migrate().await.unwrap();
        for sql in [
            "CREATE EXTENSION pg_stat_statements".to_owned(),
            format!(
                "INSERT INTO webhook_inbox (key, id, sent_at, payload, order_key)
                SELECT i::TEXT::BYTEA, 'msg_' || i, now(), '', '\\x01' FROM generate_series(1, {waiting}) AS i"
            ),
            "UPDATE webhook_inbox SET due_at = due_at + INTERVAL '1 day' WHERE number = 1".to_owned(),
            "VACUUM ANALYZE webhook_inbox".to_owned(),
        ] {
            let sql = sqlx::AssertSqlSafe(sql);
            sqlx::query(sql).execute(&pool).await.unwrap();
        }
        process(&inbox, &inbox).await;
        // The number of pages that a claim reads.
        let pages: i64 = sqlx::query_scalar(
            "SELECT (sum(shared_blks_hit + shared_blks_read) / sum(calls))::BIGINT
            FROM pg_stat_statements WHERE query LIKE '%in_order AS MATERIALIZED%'",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        costs.push(pages);
    }
    assert!(costs[1] < costs[0] * 4, "{costs:?}");
}

/// Many slow handlers leave the connections of the pool to deliveries.
#[tokio::test(flavor = "multi_thread")]
async fn all_leases_of_a_worker_are_renewed_by_one_statement() {
    const EVENTS: u64 = 20;

    let server = counting_server();
    let pool = server.pool().await;
    let inbox = Inbox::new(pool.clone()).timeout(Duration::from_secs(20));
    inbox.migrate().await.unwrap();
    sqlx::query("CREATE EXTENSION pg_stat_statements")
        .execute(&pool)
        .await
        .unwrap();
    deliver_many(&inbox, 20).await;
    let worker = Worker::new(inbox.clone(), |_| {
        std::future::pending::<Result<(), Infallible>>()
    });
    let worker = worker.lease(Duration::from_secs(1)).concurrency(30);
    let running = tokio::spawn(worker.run());
    until(&inbox, |counts| counts.running == EVENTS).await;
    sqlx::query("SELECT pg_stat_statements_reset()")
        .execute(&pool)
        .await
        .unwrap();
    tower_svix_tests::net::within(async {
        loop {
            let renewed: (i64, i64) = sqlx::query_as(
                "SELECT coalesce(sum(rows), 0)::BIGINT, coalesce(sum(calls), 0)::BIGINT
                FROM pg_stat_statements WHERE query LIKE '%SET due_at = %SKIP LOCKED%'",
            )
            .fetch_one(&pool)
            .await
            .unwrap();
            if renewed.1 >= 3 {
                assert_eq!(renewed.0, renewed.1 * EVENTS.cast_signed());
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    running.abort();
}

/// Events that are done stay for days, and may be millions of rows.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_costs_nothing_on_sqlite() {
    let mut costs: Vec<Vec<(&str, u64)>> = Vec::new();
    for done in [FEW, MANY] {
        let directory = Directory::new();
        let steps = Arc::new(AtomicU64::new(0));
        let pool = counting_pool(directory.0.join("webhooks.sqlite"), &steps).await;
        let inbox = Inbox::new(pool.clone()).timeout(Duration::from_secs(20));
        inbox.migrate().await.unwrap();
        fill(&pool, done, "NULL", "done").await;
        let hour = Duration::from_hours(1);
        let mut of_each = Vec::new();
        let mut took = |name| of_each.push((name, steps.swap(0, Ordering::Relaxed)));
        took("filling");
        assert_eq!(inbox.delete_done(hour).await.unwrap(), 0);
        took("delete_done");
        assert_eq!(inbox.delete_dead(hour).await.unwrap(), 0);
        took("delete_dead");
        assert_eq!(inbox.retry_dead().await.unwrap(), 0);
        took("retry_dead");
        for state in [State::Dead, State::Running] {
            let listed = inbox.list(&Filter::new().state(state), 10).await;
            assert!(listed.unwrap().is_empty());
        }
        took("list");
        deliver(&inbox, "msg_new", "{}").await;
        let worker = Worker::new(inbox.clone(), |_| async { Ok::<_, Infallible>(()) });
        let worker = worker.poll_interval(Duration::from_hours(1));
        let running = tokio::spawn(worker.run());
        // This includes measuring the depth of the inbox.
        let number = i64::try_from(done).unwrap() + 1;
        tower_svix_tests::net::within(async {
            while inbox.show(number).await.unwrap().unwrap().state != State::Done {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await;
        running.abort();
        let _ = running.await;
        took("a worker");
        costs.push(of_each);
    }
    for (few, many) in costs[0].iter().zip(&costs[1]).skip(1) {
        assert!(many.1 < few.1 * 4 + 2000, "{costs:?}");
    }
}
