//! The store in a database keeps the contract of `Store`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use tower_svix::idempotency::{ClaimStatus, Settlement, Store};
use tower_svix::test_util::conformance;
use tower_svix_sqlx::{SqlStore, TableName};
use tower_svix_tests::net::within;
use tower_svix_tests::stores::{LEASE, RETENTION, completed, fingerprint, key, process, token};

use super::support::{OnSqlite, TestDatabase, on_each_engine};

on_each_engine!(
    it_conforms,
    receivers_with_a_table_each_share_no_ids,
    what_has_passed_is_deleted_and_nothing_else,
    a_task_deletes_what_has_passed,
    what_is_kept_for_ever_is_kept_for_a_hundred_years,
    a_row_of_somebody_else_is_an_error,
    a_closed_pool_is_an_error,
);

async fn store<T: TestDatabase>(database: &T) -> SqlStore<T::Engine> {
    let store = SqlStore::new(database.pool()).timeout(Duration::from_secs(20));
    store.migrate().await.unwrap();
    store
}

async fn it_conforms<T: TestDatabase>(database: T) {
    let store = store(&database).await;
    conformance::check(&store, async |time| tokio::time::sleep(time).await).await;
}

/// Svix sends an event under one id to every endpoint.
async fn receivers_with_a_table_each_share_no_ids<T: TestDatabase>(database: T) {
    for table in ["billing", "mail", "Mail_2"] {
        let store = SqlStore::new(database.pool()).table(table.parse().unwrap());
        store.migrate().await.unwrap();
        let claim = store.claim(&key(1), token(), LEASE).await.unwrap();
        assert_eq!(claim, ClaimStatus::Claimed, "{table}");
    }
}

async fn what_has_passed_is_deleted_and_nothing_else<T: TestDatabase>(database: T) {
    const EVENTS: u64 = 2100;

    let store = store(&database).await;
    for event in 0..EVENTS / 100 {
        process(&store, &key(event)).await;
    }
    // There are more rows than one statement deletes.
    let hash = format!("{:064}", 0);
    let blob = |number: u64| format!("{number:08}{}", &hash[8..]);
    for number in 0..EVENTS {
        let text = blob(number);
        let literal = database_literal::<T>(&text);
        let insert = format!(
            "INSERT INTO webhook_ids (key, token, expires_at) SELECT {literal}, {literal}, expires_at \
             FROM webhook_ids LIMIT 1"
        );
        database.execute(&insert).await;
    }
    database.age("webhook_ids", "expires_at", RETENTION).await;
    process(&store, &key("stays")).await;
    store.claim(&key("runs"), token(), LEASE).await.unwrap();

    assert_eq!(store.delete_expired().await.unwrap(), EVENTS + EVENTS / 100);
    assert_eq!(store.delete_expired().await.unwrap(), 0);
    assert_eq!(database.number("SELECT count(*) FROM webhook_ids").await, 2);
    let claim = store.claim(&key("stays"), token(), LEASE).await.unwrap();
    assert_eq!(claim, completed());
}

/// Returns the SQL literal for the bytes with these hexadecimal digits.
fn database_literal<T: TestDatabase>(digits: &str) -> String {
    if std::any::type_name::<T>() == std::any::type_name::<OnSqlite>() {
        format!("x'{digits}'")
    } else {
        format!("'\\x{digits}'::BYTEA")
    }
}

async fn a_task_deletes_what_has_passed<T: TestDatabase>(database: T) {
    let store = store(&database).await;
    let cleanup = store.spawn_cleanup(Duration::from_millis(10));
    for round in 0..2 {
        process(&store, &key(round)).await;
        database.age("webhook_ids", "expires_at", RETENTION).await;
        within(async {
            while database.number("SELECT count(*) FROM webhook_ids").await > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
    within(cleanup.stop()).await;
    process(&store, &key("stays")).await;
    database.age("webhook_ids", "expires_at", RETENTION).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(database.number("SELECT count(*) FROM webhook_ids").await, 1);
}

async fn what_is_kept_for_ever_is_kept_for_a_hundred_years<T: TestDatabase>(database: T) {
    let store = store(&database).await;
    let done = store
        .complete(&key(1), token(), fingerprint(), Duration::MAX)
        .await;
    assert_eq!(done.unwrap(), Settlement::Done);
    let years = |years: u64| Duration::from_secs(years * 365 * 24 * 60 * 60);
    database.age("webhook_ids", "expires_at", years(99)).await;
    let claim = store.claim(&key(1), token(), Duration::MAX).await.unwrap();
    assert_eq!(claim, completed());
    database.age("webhook_ids", "expires_at", years(1)).await;
    let claim = store.claim(&key(1), token(), Duration::ZERO).await.unwrap();
    assert_eq!(claim, ClaimStatus::Claimed);
}

async fn a_row_of_somebody_else_is_an_error<T: TestDatabase>(database: T) {
    let store = store(&database).await;
    process(&store, &key(1)).await;
    let short = database_literal::<T>("00");
    database
        .execute(&format!("UPDATE webhook_ids SET fingerprint = {short}"))
        .await;
    store.claim(&key(1), token(), LEASE).await.unwrap_err();
}

async fn a_closed_pool_is_an_error<T: TestDatabase>(database: T) {
    let store = store(&database).await;
    database.pool().close().await;
    store.claim(&key(1), token(), LEASE).await.unwrap_err();
    store.release(&key(1), token()).await.unwrap_err();
    store.forget(&key(1)).await.unwrap_err();
    assert!(!store.delete_expired().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn debug_shows_no_connection() {
    // The connection options contain a password, which `Debug` must not show.
    let pool = sqlx::PgPool::connect_lazy("postgres://u:correct-horse@localhost/").unwrap();
    let shown = format!(
        "{:?} {:?}",
        SqlStore::new(pool.clone()),
        tower_svix_sqlx::Inbox::new(pool)
    );
    assert_eq!(
        shown,
        "SqlStore { table: TableName(\"webhook_ids\"), timeout: 2s, .. } \
         Inbox { table: TableName(\"webhook_inbox\"), timeout: 2s, .. }"
    );
}

#[test]
fn a_name_that_could_end_a_statement_is_no_table() {
    let long = "x".repeat(41);
    for text in [
        "",
        ".",
        "a.",
        ".a",
        "a.b.c",
        "1a",
        "a b",
        "a\"b",
        "a'; DROP TABLE users; --",
        "a\0",
        "tabl\u{e9}",
        "{name}",
        &long,
        &format!("{long}.a"),
    ] {
        assert!(text.parse::<TableName>().is_err(), "{text:?}");
    }
    for text in ["a", "_", "A_1", "a.b", &"x".repeat(40)] {
        let name: TableName = text.parse().unwrap();
        assert_eq!(name.to_string(), text);
    }
}
