//! What the receiver with the database has done.

use std::path::Path;

use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

/// What the events did: the ids in the database, and the pages of each account.
pub(crate) struct Effects {
    pub(crate) ids: Vec<String>,
    pub(crate) pages: Vec<(String, i64)>,
}

impl Effects {
    pub(crate) async fn read(file: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(file);
        let database = SqlitePool::connect_with(options).await.unwrap();
        let ids = sqlx::query_scalar("SELECT id FROM processed ORDER BY id")
            .fetch_all(&database)
            .await
            .unwrap();
        let pages = sqlx::query_as("SELECT account, pages FROM usage ORDER BY account")
            .fetch_all(&database)
            .await
            .unwrap();
        Self { ids, pages }
    }
}
