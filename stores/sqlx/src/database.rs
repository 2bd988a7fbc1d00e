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

use crate::engine::{Engine, NewEvent, Value};
use crate::persistent::Persistent;
use crate::table::{Sql, TableName};

/// A pool, and how long an operation on it may take.
pub(crate) struct Database<DB: Engine> {
    pool: Pool<DB>,
    pub(crate) timeout: Duration,
    /// One for each connection, or for the one writer that the engine has.
    turns: Arc<Semaphore>,
}

/// How long it may take to create a table.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(30);

impl<DB: Engine> Database<DB> {
    pub(crate) fn new(pool: Pool<DB>) -> Self {
        let turns = if DB::ONE_WRITER {
            1
        } else {
            pool.options().get_max_connections() as usize
        };
        Self {
            pool,
            timeout: Duration::from_secs(2),
            turns: Arc::new(Semaphore::new(turns.min(Semaphore::MAX_PERMITS))),
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
            let mut connection = self.connection().await?;
            Ok(DB::execute(&mut connection.of, sql, values).await?)
        })
        .await
    }

    /// Stores the events whose keys are not there yet: all of these, or none. Tells of each whether it was new.
    pub(crate) async fn insert(
        &self,
        sql: &Sql,
        events: &[NewEvent],
    ) -> Result<Vec<bool>, DatabaseError> {
        bounded(self.timeout, async {
            let mut connection = self.connection().await?;
            let inserted = DB::insert(&mut connection.of, sql, events).await;
            if inserted.is_err() {
                // `SQLite` ends a transaction itself when the disk is full. `sqlx` would take it for open ever after, and
                // begin no other on this connection.
                connection.of.close_on_drop();
            }
            Ok(inserted?)
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
            let mut connection = self.connection().await?;
            Ok(DB::rows(&mut connection.of, sql, values).await?)
        })
        .await
    }

    pub(crate) async fn read(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
    ) -> Result<Vec<DB::Row>, DatabaseError> {
        if !DB::ONE_WRITER {
            return self.change(sql, values).await;
        }
        bounded(self.timeout, async {
            let mut connection = self.pool.acquire().await?;
            Ok(DB::rows(&mut connection, sql, values).await?)
        })
        .await
    }

    /// Begins a transaction that may write.
    pub(crate) async fn begin(&self) -> Result<InTurn<Transaction<'static, DB>>, DatabaseError> {
        bounded(self.timeout, async {
            let turn = self.turn().await?;
            let pool = self.pool.clone();
            let begun = async move { InTurn::new(turn, pool.begin_with(DB::BEGIN).await) };
            Ok(Persistent::new(begun).await?)
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

    /// Waits for a turn, for at most half of the timeout: the other half is left to the statement. Otherwise, under more load
    /// than the database can take, each operation would be given up in the middle of its statement after a long wait, and
    /// nothing would ever be finished.
    ///
    /// The queue is in order, unlike that for the lock of `SQLite`, and leaving it costs the database nothing.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, DatabaseError> {
        let turns = Arc::clone(&self.turns);
        let turn = async { Ok(turns.acquire_owned().await) };
        let turn = bounded(self.timeout / 2, turn).await?;
        Ok(turn.expect("nobody closes it"))
    }

    async fn connection(&self) -> Result<InTurn<PoolConnection<DB>>, DatabaseError> {
        let turn = self.turn().await?;
        let acquired = self.pool.acquire();
        let acquired = async move { InTurn::new(turn, acquired.await) };
        Ok(Persistent::new(acquired).await?)
    }
}

impl<DB: Engine> Clone for Database<DB> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            timeout: self.timeout,
            turns: Arc::clone(&self.turns),
        }
    }
}

/// A connection or a transaction, and the turn that it has.
pub(crate) struct InTurn<T> {
    pub(crate) of: T,
    _turn: OwnedSemaphorePermit,
}

impl<T> InTurn<T> {
    fn new(turn: OwnedSemaphorePermit, of: sqlx::Result<T>) -> sqlx::Result<Self> {
        of.map(|of| Self { of, _turn: turn })
    }
}

fn first_int<DB: Engine>(rows: &[DB::Row]) -> sqlx::Result<i64> {
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok(DB::int(row, 0)?.unwrap_or(0))
}

pub(crate) async fn bounded<T>(
    at_most: Duration,
    work: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    let done = timeout(at_most, work).await;
    done.unwrap_or_else(|_| Err(DatabaseError::timed_out()))
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

impl DatabaseError {
    pub(crate) fn timed_out() -> Self {
        Self {
            cause: Cause::TimedOut,
        }
    }

    /// Whether a unique index kept a statement from doing what another has just done.
    pub(crate) fn is_conflict(&self) -> bool {
        let Cause::Sqlx(sqlx::Error::Database(error)) = &self.cause else {
            return false;
        };
        error.is_unique_violation()
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
