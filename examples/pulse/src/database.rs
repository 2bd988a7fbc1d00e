//! The SQLite file that the queue and the table of jobs are in.

use std::path::Path;
use std::time::Duration;

use apalis_sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteStorage};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};

/// Opens the file, or makes it.
pub async fn open(file: &Path) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // What was acknowledged survives a power cut too. This is why `SqliteStorage::setup` is not called here: it turns
        // this off.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(3));
    let pool = SqlitePoolOptions::new()
        .acquire_timeout(Duration::from_secs(3))
        .connect_with(options)
        .await?;
    SqliteStorage::migrations().run(&pool).await?;
    sqlx::query(crate::jobs::TABLE).execute(&pool).await?;
    Ok(pool)
}
