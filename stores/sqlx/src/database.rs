//! Statements within a bounded time.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Pool, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tower_svix::idempotency::StoreError;

use crate::engine::{Engine, Value};
use crate::table::{Sql, TableName};

/// A pool, and how long an operation on it may take.
pub(crate) struct Database<DB: Engine> {
    pool: Pool<DB>,
    pub(crate) timeout: Duration,
    /// Where the engine has one writer, others wait here, in their order. In the engine they would wait by trying again and
    /// again, and the last might be one that has waited longest.
    turn: Option<Arc<Semaphore>>,
}

/// How long it may take to create a table. Nobody else waits for it.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(30);

impl<DB: Engine> Database<DB> {
    pub(crate) fn new(pool: Pool<DB>) -> Self {
        Self {
            pool,
            timeout: Duration::from_secs(2),
            turn: DB::ONE_WRITER.then(|| Arc::new(Semaphore::new(1))),
        }
    }

    pub(crate) fn pool(&self) -> &Pool<DB> {
        &self.pool
    }

    /// Writes, and returns how many rows were changed.
    pub(crate) async fn execute(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
    ) -> Result<u64, DatabaseError> {
        bounded(self.timeout, async {
            let _turn = self.turn().await?;
            let mut connection = self.connection().await?;
            Ok(DB::execute(&mut connection, sql, values).await?)
        })
        .await
    }

    /// Writes, and returns rows.
    pub(crate) async fn change(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
    ) -> Result<Vec<DB::Row>, DatabaseError> {
        bounded(self.timeout, async {
            let _turn = self.turn().await?;
            let mut connection = self.connection().await?;
            Ok(DB::rows(&mut connection, sql, values).await?)
        })
        .await
    }

    pub(crate) async fn read(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
    ) -> Result<Vec<DB::Row>, DatabaseError> {
        bounded(self.timeout, async {
            let mut connection = self.connection().await?;
            Ok(DB::rows(&mut connection, sql, values).await?)
        })
        .await
    }

    /// Begins a transaction that may write.
    pub(crate) async fn begin(&self) -> Result<Turn<DB>, DatabaseError> {
        bounded(self.timeout, async {
            let permit = self.turn().await?;
            Ok(Turn {
                transaction: self.pool.begin_with(DB::BEGIN).await?,
                _permit: permit,
            })
        })
        .await
    }

    /// Creates a table unless it is there.
    ///
    /// All of it is one transaction: what `exists` finds is complete. A table that is in use is not touched, nor is its
    /// user asked for the right to create one.
    pub(crate) async fn create_table(
        &self,
        table: &TableName,
        [exists, lock, create_schema, create]: [&Sql; 4],
    ) -> Result<(), DatabaseError> {
        if self.count(exists).await? > 0 {
            return Ok(());
        }
        bounded(MIGRATION_TIMEOUT, async {
            let _turn = self.turn().await?;
            let mut transaction = self.pool.begin_with(DB::BEGIN).await?;
            // Of several processes that start at once, one creates it, and the others find it.
            DB::script(&mut transaction, lock).await?;
            let rows = DB::rows(&mut transaction, exists, &[]).await?;
            if first_int::<DB>(&rows)? == 0 {
                if table.schema().is_some() {
                    DB::script(&mut transaction, create_schema).await?;
                }
                DB::script(&mut transaction, create).await?;
            }
            Ok(transaction.commit().await?)
        })
        .await
    }

    async fn count(&self, sql: &Sql) -> Result<i64, DatabaseError> {
        let rows = self.read(sql, &[]).await?;
        Ok(first_int::<DB>(&rows)?)
    }

    /// Waits for a turn to write. See [`connection`](Self::connection) for why only half of the time.
    async fn turn(&self) -> Result<Option<OwnedSemaphorePermit>, DatabaseError> {
        let Some(turn) = &self.turn else {
            return Ok(None);
        };
        let permit = async { Ok(Arc::clone(turn).acquire_owned().await.ok()) };
        bounded(self.timeout / 2, permit).await
    }

    /// Waits for a connection, for half of the time: whoever gets one has the other half for the statement. Otherwise, if
    /// more is asked for than the database can do, whoever had waited longest would be given up in the statement, and
    /// nothing would ever be finished.
    async fn connection(&self) -> Result<PoolConnection<DB>, DatabaseError> {
        let acquired = async { Ok(self.pool.acquire().await?) };
        bounded(self.timeout / 2, acquired).await
    }
}

impl<DB: Engine> Clone for Database<DB> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            timeout: self.timeout,
            turn: self.turn.clone(),
        }
    }
}

/// A transaction, and the turn to write that it takes.
pub(crate) struct Turn<DB: Engine> {
    pub(crate) transaction: Transaction<'static, DB>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl<DB: Engine> Turn<DB> {
    /// Runs a statement in the transaction, and returns how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: &Sql, values: &[Value<'_>]) -> sqlx::Result<u64> {
        DB::execute(&mut self.transaction, sql, values).await
    }
}

fn first_int<DB: Engine>(rows: &[DB::Row]) -> sqlx::Result<i64> {
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok(DB::int(row, 0)?.unwrap_or(0))
}

async fn bounded<T>(
    at_most: Duration,
    work: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    timeout(at_most, work).await.unwrap_or(Err(DatabaseError {
        cause: Cause::TimedOut,
    }))
}

/// At least one millisecond, and at most 100 years, far from where a time overflows.
pub(crate) fn milliseconds(duration: Duration) -> i64 {
    const MAX: i64 = 100 * 365 * 24 * 60 * 60 * 1000;
    i64::try_from(duration.as_millis())
        .unwrap_or(MAX)
        .clamp(1, MAX)
}

/// A database failed, or did not answer within the timeout.
///
/// The change that was asked for may have been made all the same.
#[derive(Debug)]
pub struct DatabaseError {
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    TimedOut,
    Sqlx(sqlx::Error),
    Randomness(tower_svix::RandomnessUnavailable),
}

impl DatabaseError {
    /// Whether the database did not answer in time. The wait for a connection of the pool counts.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.cause,
            Cause::TimedOut | Cause::Sqlx(sqlx::Error::PoolTimedOut)
        )
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        Self {
            cause: Cause::Sqlx(error),
        }
    }
}

impl From<tower_svix::RandomnessUnavailable> for DatabaseError {
    fn from(error: tower_svix::RandomnessUnavailable) -> Self {
        Self {
            cause: Cause::Randomness(error),
        }
    }
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        Self::new(error)
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::TimedOut => f.write_str("the database did not answer in time"),
            Cause::Sqlx(error) => write!(f, "the database failed: {error}"),
            Cause::Randomness(error) => error.fmt(f),
        }
    }
}

impl Error for DatabaseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Sqlx(error) => error.source(),
            Cause::TimedOut | Cause::Randomness(_) => None,
        }
    }
}
