//! Statements with a timeout.

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

/// A pool, with the timeouts of its operations.
pub(crate) struct Database<DB: Engine> {
    pool: Pool<DB>,
    timeout: Duration,
    /// The timeout of operations for operators.
    patience: Duration,
    turns: Arc<Semaphore>,
}

/// The timeout for creating a table.
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

    /// Returns the same database with the longer timeout for operators.
    pub(crate) fn patient(&self) -> Self {
        Self {
            timeout: self.patience,
            ..self.clone()
        }
    }

    /// Runs several operations with the timeout of one.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, DatabaseError>>,
    ) -> Result<T, DatabaseError> {
        bounded(self.timeout, work).await
    }

    pub(crate) fn pool(&self) -> &Pool<DB> {
        &self.pool
    }

    /// Runs a statement that writes, and returns the number of changed rows.
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

    /// Stores the events whose keys are new, either all of them or none. Returns for each event whether it was new.
    pub(crate) async fn insert(
        &self,
        sql: &Sql,
        events: &[NewEvent],
    ) -> Result<Vec<bool>, DatabaseError> {
        bounded(self.timeout, async {
            let mut connection = self.connection().await?;
            let inserted = DB::insert(&mut connection.of, sql, events).await;
            if inserted.is_err() {
                // If the disk is full, `SQLite` ends the transaction itself. `sqlx` would still regard it as open, and
                // could not begin another one on this connection.
                connection.of.close_on_drop();
            }
            Ok(inserted?)
        })
        .await
    }

    /// Runs a statement that writes, and returns its rows.
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

    /// Creates a table unless it exists.
    ///
    /// Everything happens in one transaction, so a table that `columns` finds is complete. An existing table is not
    /// changed, and needs no right to create tables.
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
            // If several processes start at once, one creates the table, and the others find it.
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

    /// Waits for a turn, for at most half of the timeout, which leaves the other half to the statement. Otherwise, if
    /// the database were overloaded, every operation would time out in its statement after a long wait, and none would
    /// finish.
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

/// A connection or a transaction, with its turn.
pub(crate) struct InTurn<T> {
    pub(crate) of: T,
    _turn: OwnedSemaphorePermit,
}

impl<T> InTurn<T> {
    fn new(turn: OwnedSemaphorePermit, of: sqlx::Result<T>) -> sqlx::Result<Self> {
        of.map(|of| Self { of, _turn: turn })
    }
}

/// Returns a connection outside a transaction. After `SQLite` has rolled back by itself, `sqlx` still regards a
/// connection as inside one.
async fn usable<DB: Engine>(pool: &Pool<DB>) -> sqlx::Result<PoolConnection<DB>> {
    loop {
        let connection = pool.acquire().await?;
        if !connection.is_in_transaction() {
            return Ok(connection);
        }
        connection.close().await?;
    }
}

/// Returns whether the table exists. A table with other columns is an error, because it is not ours.
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

/// 100 years, far below the overflow of a time.
pub(crate) const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

/// Returns at least one millisecond, and at most 100 years.
pub(crate) fn milliseconds(duration: Duration) -> i64 {
    let milliseconds = duration.min(LONGEST).as_millis();
    i64::try_from(milliseconds).unwrap_or(i64::MAX).max(1)
}
