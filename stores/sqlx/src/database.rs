//! Statements within a bounded time.

use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Connection as _, Pool, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::database_error::{Cause, DatabaseError};
use crate::engine::{Engine, NewEvent, Value};
use crate::persistent::Persistent;
use crate::table::{Sql, TableName};
use crate::turns;

/// A pool, and how long an operation on it may take.
pub(crate) struct Database<DB: Engine> {
    pool: Pool<DB>,
    timeout: Duration,
    /// For what an operator waits for.
    patience: Duration,
    turns: Arc<Semaphore>,
}

/// How long it may take to create a table.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(30);

impl<DB: Engine> Database<DB> {
    pub(crate) fn new(pool: Pool<DB>) -> Self {
        Self {
            timeout: Duration::from_secs(2),
            patience: Duration::from_mins(1),
            turns: turns::of(&pool),
            pool,
        }
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(crate) fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout.min(LONGEST);
    }

    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience.min(LONGEST);
    }

    /// The same for an operator, who waits for longer than a sender.
    pub(crate) fn patient(&self) -> Self {
        Self {
            timeout: self.patience,
            ..self.clone()
        }
    }

    /// Bounds several operations as if they were one.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        bounded(self.timeout, work).await
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

    /// Begins the transaction of a handler.
    pub(crate) async fn begin(
        &self,
        idle: Duration,
    ) -> Result<InTurn<Transaction<'static, DB>>, DatabaseError> {
        bounded(self.timeout, async {
            let turn = self.turn().await?;
            let pool = self.pool.clone();
            let statement = AssertSqlSafe(DB::begin_attempt(idle));
            let begun = async move { InTurn::new(turn, pool.begin_with(statement).await) };
            Ok(Persistent::new(begun).await?)
        })
        .await
    }

    /// Creates a table unless it is there.
    ///
    /// All of it is one transaction: what `columns` finds is complete. A table that is in use is not touched, nor is its
    /// user asked for the right to create one.
    pub(crate) async fn create_table(
        &self,
        table: &TableName,
        expected: &[&'static str],
        [columns, lock, create_schema, create]: [&Sql; 4],
    ) -> Result<(), DatabaseError> {
        let rows = self.patient().read(columns, &[]).await?;
        if is_there::<DB>(&rows, table, expected)? {
            return Ok(());
        }
        bounded(MIGRATION_TIMEOUT, async {
            let _turn = self.turn_within(MIGRATION_TIMEOUT / 2).await?;
            let mut transaction = self.pool.begin_with(DB::BEGIN).await?;
            // Of several processes that start at once, one creates it, and the others find it.
            DB::script(&mut transaction, lock).await?;
            let rows = DB::rows(&mut transaction, columns, &[]).await?;
            if !is_there::<DB>(&rows, table, expected)? {
                if table.has_schema() {
                    DB::script(&mut transaction, create_schema).await?;
                }
                DB::script(&mut transaction, create).await?;
            }
            Ok(transaction.commit().await?)
        })
        .await
    }

    /// Waits for a turn, for at most half of the timeout: the other half is left to the statement. Otherwise, under more load
    /// than the database can take, each operation would be given up in the middle of its statement after a long wait, and
    /// nothing would ever be finished.
    ///
    /// The queue is in order, unlike that for the lock of `SQLite`, and leaving it costs the database nothing.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, DatabaseError> {
        self.turn_within(self.timeout / 2).await
    }

    async fn turn_within(&self, at_most: Duration) -> Result<OwnedSemaphorePermit, DatabaseError> {
        let turns = Arc::clone(&self.turns);
        let turn = async { Ok(turns.acquire_owned().await) };
        let turn = bounded(at_most, turn).await?;
        Ok(turn.expect("nobody closes it"))
    }

    async fn connection(&self) -> Result<InTurn<PoolConnection<DB>>, DatabaseError> {
        let turn = self.turn().await?;
        let pool = self.pool.clone();
        let acquired = async move { InTurn::new(turn, usable(&pool).await) };
        Ok(Persistent::new(acquired).await?)
    }
}

impl<DB: Engine> Clone for Database<DB> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            timeout: self.timeout,
            patience: self.patience,
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

/// A connection that is in no transaction. `sqlx` takes one for being in it after `SQLite` has rolled it back.
async fn usable<DB: Engine>(pool: &Pool<DB>) -> sqlx::Result<PoolConnection<DB>> {
    loop {
        let connection = pool.acquire().await?;
        if !connection.is_in_transaction() {
            return Ok(connection);
        }
        connection.close().await?;
    }
}

/// Whether there is a table. One with other columns is not ours.
fn is_there<DB: Engine>(
    columns: &[DB::Row],
    table: &TableName,
    expected: &[&'static str],
) -> Result<bool, DatabaseError> {
    let names: sqlx::Result<Vec<_>> = columns.iter().map(|row| DB::text(row, 0)).collect();
    let names = names?;
    let is_missing = |column: &&&str| !names.iter().flatten().any(|name| name == **column);
    match expected.iter().find(is_missing) {
        Some(column) if !names.is_empty() => Err(DatabaseError {
            cause: Cause::AnotherTable {
                table: table.clone(),
                column,
            },
        }),
        missing => Ok(missing.is_none()),
    }
}

async fn bounded<T>(
    at_most: Duration,
    work: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    let done = timeout(at_most, work).await;
    done.unwrap_or_else(|_| Err(DatabaseError::timed_out()))
}

/// 100 years, far from where a time overflows.
pub(crate) const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

/// At least one millisecond, and at most 100 years.
pub(crate) fn milliseconds(duration: Duration) -> i64 {
    let milliseconds = duration.min(LONGEST).as_millis();
    i64::try_from(milliseconds).unwrap_or(i64::MAX).max(1)
}
