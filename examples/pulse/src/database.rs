//! The database of the inbox and the jobs: a file of SQLite, or Postgres.

use std::fs::File;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};

use crate::{BoxError, inbox, jobs};

/// A pool of one of the two engines.
#[derive(Clone)]
pub enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs the same code with the pool of either engine. sqlx has no type for both.
macro_rules! with_pool {
    ($database:expr, $pool:ident => $work:expr) => {
        match $database {
            $crate::database::Database::Sqlite($pool) => $work,
            $crate::database::Database::Postgres($pool) => $work,
        }
    };
}

pub(crate) use with_pool;

/// The timeout for a connection.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long to wait for another process that writes to the file. At most the timeout of the inbox.
const BUSY: Duration = Duration::from_secs(2);

impl Database {
    /// Opens the database `name`, and creates the tables unless they exist.
    ///
    /// `postgres://…` is a URL of Postgres, `sqlite:…` is a URL of SQLite, and anything else is the path of a SQLite
    /// file, which is created unless it exists.
    pub async fn open(name: &str) -> Result<Self, BoxError> {
        if name.starts_with("postgres://") || name.starts_with("postgresql://") {
            return Self::postgres(name).await;
        }
        let options = if name.starts_with("sqlite:") {
            name.parse()?
        } else if name.contains("://") {
            // The name may contain a password.
            return Err("the database is neither Postgres nor SQLite".into());
        } else {
            SqliteConnectOptions::new().filename(name)
        };
        Self::sqlite(options).await
    }

    async fn sqlite(options: SqliteConnectOptions) -> Result<Self, BoxError> {
        // Several processes may open a new file at the same time. One of them creates the tables, and the others wait.
        let lock = File::create(options.get_filename().with_extension("lock"))?;
        let _lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;

        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Acknowledged events survive a power cut.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY);
        let pool = SqlitePoolOptions::new().acquire_timeout(PATIENCE);
        Self::Sqlite(pool.connect_with(options).await?)
            .migrate()
            .await
    }

    async fn postgres(url: &str) -> Result<Self, BoxError> {
        // Neither the error nor this text contains the URL, which may contain a password.
        let options: PgConnectOptions = url
            .parse()
            .map_err(|_| "the URL of the database cannot be read")?;
        let pool = PgPoolOptions::new().acquire_timeout(PATIENCE);
        Self::Postgres(pool.connect_with(options).await?)
            .migrate()
            .await
    }

    async fn migrate(self) -> Result<Self, BoxError> {
        with_pool!(&self, pool => inbox::open(pool.clone()).migrate().await?);
        jobs::migrate(&self).await?;
        Ok(self)
    }
}
