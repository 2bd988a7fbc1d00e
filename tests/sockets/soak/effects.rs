//! The effects of a receiver with a database.

use sqlx::{ColumnIndex, Decode, Executor, Pool, Row as _, SqlitePool, Type};
use tower_svix_sqlx::Engine;
use tower_svix_tests::postgres_server;

/// The effects of the events: their ids in the database, and the pages of each account.
pub(crate) struct Effects {
    pub(crate) ids: Vec<String>,
    pub(crate) pages: Vec<(String, i64)>,
}

impl Effects {
    pub(crate) async fn read(url: &str) -> Self {
        if url.starts_with("postgres:") {
            Self::of(&postgres_server::connect(url).await).await
        } else {
            Self::of(&SqlitePool::connect(url).await.unwrap()).await
        }
    }

    async fn of<DB: Engine>(database: &Pool<DB>) -> Self
    where
        for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
        for<'r> i64: Decode<'r, DB> + Type<DB>,
        for<'r> String: Decode<'r, DB> + Type<DB>,
        usize: ColumnIndex<DB::Row>,
    {
        let mut connection = database.acquire().await.unwrap();
        let ids = connection
            .fetch_all("SELECT id FROM processed ORDER BY id")
            .await
            .unwrap();
        let pages = connection
            .fetch_all("SELECT account, pages FROM usage ORDER BY account")
            .await
            .unwrap();
        Self {
            ids: ids.iter().map(|row| row.get(0)).collect(),
            pages: pages.iter().map(|row| (row.get(0), row.get(1))).collect(),
        }
    }
}
