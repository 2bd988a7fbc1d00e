//! The store in a database behaves like the simplest store of ids.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::Runtime;
use tower_svix_sqlx::SqlStore;
use tower_svix_tests::store_model::{compare, steps};

use super::support::{OnPostgres, OnSqlite, TestDatabase};

#[test]
fn the_store_in_postgres_does_what_the_model_does() {
    does_what_the_model_does::<OnPostgres>();
}

#[test]
fn the_store_in_sqlite_does_what_the_model_does() {
    does_what_the_model_does::<OnSqlite>();
}

fn does_what_the_model_does<T: TestDatabase>() {
    let runtime = Runtime::new().unwrap();
    let (database, store) = runtime.block_on(async {
        let database = T::new().await;
        let store = SqlStore::new(database.pool()).timeout(Duration::from_secs(30));
        store.migrate().await.unwrap();
        (database, store)
    });
    proptest!(ProptestConfig::with_cases(64), |(steps in steps())| {
        runtime.block_on(async {
            let pass = async |time| database.age("webhook_ids", "expires_at", time).await;
            compare(&store, &steps, pass).await
        })?;
    });
    // The runtime must be there when the pool is dropped.
    runtime.block_on(async { database.pool().close().await });
}
