//! A table is created once and completely, without disturbing those who use it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Executor as _};
use tower_svix::idempotency::Store as _;
use tower_svix_sqlx::{Inbox, SqlStore};
use tower_svix_tests::net::within;
use tower_svix_tests::stores::{LEASE, key, token};

use super::support::{Directory, OnPostgres, TestDatabase, deliver, on_each_engine};

on_each_engine!(
    many_processes_create_the_tables_at_once,
    a_table_in_use_is_left_alone,
);

async fn many_processes_create_the_tables_at_once<T: TestDatabase>(database: T) {
    let starts = (0..16).map(|_| {
        let pool = database.pool();
        tokio::spawn(async move {
            let timeout = Duration::from_secs(20);
            Inbox::new(pool.clone())
                .timeout(timeout)
                .migrate()
                .await
                .unwrap();
            SqlStore::new(pool)
                .timeout(timeout)
                .migrate()
                .await
                .unwrap();
        })
    });
    for start in join_all(starts).await {
        start.unwrap();
    }
    let inbox = Inbox::new(database.pool());
    assert_eq!(
        deliver(&inbox, "msg_1", "{}").await.status,
        StatusCode::ACCEPTED
    );
}

async fn a_table_in_use_is_left_alone<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let (inbox, stopped) = (inbox.clone(), stopped.clone());
            tokio::spawn(async move {
                let mut sent = 0;
                while !*stopped.borrow() {
                    let id = format!("msg_{sender}_{sent}");
                    let answer = deliver(&inbox, &id, "{}").await;
                    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
                    sent += 1;
                }
                sent
            })
        })
        .collect();
    for _ in 0..50 {
        within(inbox.migrate()).await.unwrap();
    }
    stop.send_replace(true);
    let _ = stopped.changed().await;
    let sent: i64 = join_all(senders)
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum();
    assert!(sent > 0);
    assert_eq!(
        database.number("SELECT count(*) FROM webhook_inbox").await,
        sent
    );
}

/// Any change of the table would have to wait for the lock of the transaction, and all others would wait behind it.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_is_not_waited_for() {
    let database = OnPostgres::new().await;
    let inbox = database.inbox().await;
    let pool = database.pool();
    let mut open = pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE webhook_inbox IN ROW EXCLUSIVE MODE")
        .execute(&mut *open)
        .await
        .unwrap();
    let inbox = inbox.clone().timeout(Duration::from_secs(5));
    within(Box::pin(inbox.migrate())).await.unwrap();
    assert_eq!(
        deliver(&inbox, "msg_1", "{}").await.status,
        StatusCode::ACCEPTED
    );
    open.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_create_a_table_uses_one_that_is_there() {
    let database = OnPostgres::new().await;
    let inbox = database.inbox().await;
    let role = format!("app_{}", std::process::id());
    let schema = &database.schema;
    for sql in [
        format!("CREATE ROLE {role} LOGIN"),
        format!("GRANT USAGE ON SCHEMA {schema} TO {role}"),
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_inbox TO {role}"),
    ] {
        database.execute(&sql).await;
    }
    let url = database
        .url
        .replace("postgres://postgres@", &format!("postgres://{role}@"));
    let theirs = Inbox::new(tower_svix_tests::postgres_server::connect(&url).await);
    theirs.migrate().await.unwrap();
    assert_eq!(
        deliver(&theirs, "msg_1", "{}").await.status,
        StatusCode::ACCEPTED
    );
    let another = theirs.table("another".parse().unwrap());
    another.migrate().await.unwrap_err();
    assert_eq!(inbox.counts().await.unwrap().pending, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_is_created_with_its_table() {
    let database = OnPostgres::new().await;
    let schema = format!("Billing_{}", std::process::id());
    let inbox = Inbox::new(database.pool()).table(format!("{schema}.inbox").parse().unwrap());
    let store = SqlStore::new(database.pool()).table(format!("{schema}.ids").parse().unwrap());
    inbox.migrate().await.unwrap();
    store.migrate().await.unwrap();
    assert_eq!(
        deliver(&inbox, "msg_1", "{}").await.status,
        StatusCode::ACCEPTED
    );
    store.claim(&key(1), token(), LEASE).await.unwrap();
    let count = format!("SELECT count(*) FROM \"{schema}\".inbox");
    assert_eq!(database.number(&count).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_sqlite_is_an_attached_file() {
    let directory = Directory::new();
    let other = directory.0.join("other.sqlite");
    let pool = SqlitePoolOptions::new()
        .after_connect(move |connection, _| {
            let attach = AssertSqlSafe(format!("ATTACH '{}' AS other", other.display()));
            Box::pin(async move {
                connection.execute(sqlx::raw_sql(attach)).await?;
                Ok(())
            })
        })
        .connect_with(
            SqliteConnectOptions::new()
                .filename(directory.0.join("main.sqlite"))
                .create_if_missing(true),
        )
        .await
        .unwrap();
    let inbox = Inbox::new(pool.clone()).table("other.inbox".parse().unwrap());
    inbox.migrate().await.unwrap();
    inbox.migrate().await.unwrap();
    assert_eq!(
        deliver(&inbox, "msg_1", "{}").await.status,
        StatusCode::ACCEPTED
    );
    let store = SqlStore::new(pool.clone()).table("other.ids".parse().unwrap());
    store.migrate().await.unwrap();
    store.claim(&key(1), token(), LEASE).await.unwrap();
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM main.sqlite_master")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(tables, 0);
}
