//! The SQLite file that the queue and the table of jobs are in.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use apalis_sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteStorage};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};

use crate::BoxError;

/// Opens the file, or makes it.
pub async fn open(file: &Path) -> Result<SqlitePool, BoxError> {
    // Several processes may open a new file at the same time: one of them makes the tables, and the others wait.
    let lock = File::create(file.with_extension("lock"))?;
    let _lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;

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
