//! The store of ids.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sqlx::Pool;
use tokio::runtime::Handle;
use tower_svix::idempotency::{
    BoxFuture, ClaimStatus, ClaimToken, EventKey, Fingerprint, Settlement, Store, StoreError,
};

use crate::cleanup::Cleanup;
use crate::database::{Database, milliseconds};
use crate::database_error::DatabaseError;
use crate::engine::{Engine, StoreSql, Value};
use crate::table::{Sql, TableName};

/// A store of ids in a table of Postgres or `SQLite`.
///
/// Each operation is one statement, and therefore atomic. Postgres measures time by its own clock, so that the clocks of the
/// receivers do not matter. `SQLite` uses the clock of its machine.
///
/// # Configuration of the database
///
/// - Postgres: `synchronous_commit` must not be `off`, or an event that was completed just before a crash is processed
///   again. The same happens after a failover to a replica that lags, unless replication is synchronous. The isolation must
///   be `read committed`, the default.
/// - `SQLite`: `journal_mode = WAL`, and `synchronous = FULL` so that a power cut loses nothing, as
///   [`Inbox`](crate::Inbox#configuration-of-the-database) shows. Several processes can share a file on one machine, but
///   not over a network file system.
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
/// use tower_svix::IdempotencyLayer;
/// use tower_svix_sqlx::SqlStore;
///
/// # #[cfg(feature = "postgres")]
/// # async fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = sqlx::PgPool::connect("postgres://localhost/billing").await?;
/// let store = SqlStore::new(pool).table("billing.webhook_ids".parse()?);
/// store.migrate().await?;
/// let cleanup = store.spawn_cleanup(Duration::from_secs(600));
/// let layer = IdempotencyLayer::new(store);
/// # cleanup.stop().await;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "deduplication")]
#[doc(alias = "postgres")]
#[doc(alias = "sqlite")]
#[must_use]
pub struct SqlStore<DB: Engine> {
    database: Database<DB>,
    table: TableName,
    sql: Arc<StoreSql<Sql>>,
}

/// How many rows one statement deletes: few enough that other statements do not wait for it.
const BATCH: i64 = 1000;
const COLUMNS: [&str; 4] = ["key", "token", "fingerprint", "expires_at"];

impl<DB: Engine> SqlStore<DB> {
    /// Returns a store in the table `webhook_ids` of the database of `pool`.
    ///
    /// Each receiver needs its own table, which is the same in all its processes. Svix sends an event under one id to every
    /// endpoint, so if two receivers shared a table, an event that one has processed would be a duplicate for the other.
    pub fn new(pool: Pool<DB>) -> Self {
        let table = TableName::fixed("webhook_ids");
        Self {
            database: Database::new(pool),
            sql: Arc::new(DB::STORE.fill(&table, DB::NOW)),
            table,
        }
    }

    /// Sets the table. Default: `webhook_ids`.
    pub fn table(mut self, table: TableName) -> Self {
        self.sql = Arc::new(DB::STORE.fill(&table, DB::NOW));
        self.table = table;
        self
    }

    /// Sets the timeout of an operation, which includes the wait for a connection of the pool. Default: two seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.database.set_timeout(timeout);
        self
    }

    /// Sets the timeout of each statement of [`migrate`](Self::migrate) and [`delete_expired`](Self::delete_expired), for
    /// which no sender waits. Default: one minute.
    pub fn operator_timeout(mut self, timeout: Duration) -> Self {
        self.database.set_patience(timeout);
        self
    }

    /// Creates the table unless it exists.
    ///
    /// Call it at every start. Several processes can do so at once, and while the table is in use. If the table exists, this
    /// reads the catalogue and changes nothing, so that the user of the database does not need the right to create tables.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if the database failed; then it has no table, and never part of one. Also if the table does not have
    /// the columns that this version of the crate uses.
    pub async fn migrate(&self) -> Result<(), DatabaseError> {
        let sql = &self.sql;
        let statements = [&sql.columns, &sql.lock, &sql.create_schema, &sql.create];
        let created = self
            .database
            .create_table(&self.table, &COLUMNS, statements);
        created.await
    }

    /// Deletes expired events, and returns their number.
    ///
    /// The store ignores them anyway; this frees their space.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if the database failed. Some events may have been deleted.
    pub async fn delete_expired(&self) -> Result<u64, DatabaseError> {
        let database = self.database.patient();
        let mut deleted = 0;
        loop {
            let limit = [Value::Int(BATCH)];
            let batch = database.execute(&self.sql.delete_expired, &limit);
            let batch = batch.await?;
            deleted += batch;
            if batch < BATCH.unsigned_abs() {
                return Ok(deleted);
            }
        }
    }

    /// Spawns a task that calls [`delete_expired`](Self::delete_expired) now, and again after each `pause`.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn spawn_cleanup(&self, pause: Duration) -> Cleanup {
        let store = self.clone();
        Cleanup::spawn(pause, move || {
            let store = store.clone();
            async move { store.delete_expired().await }
        })
    }
}

impl<DB: Engine> Store for SqlStore<DB> {
    async fn claim(
        &self,
        key: &EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<ClaimStatus, StoreError> {
        let hash = hash(key);
        let values = [
            Value::Bytes(&hash),
            Value::Bytes(token.as_bytes()),
            Value::Int(milliseconds(lease)),
        ];
        let rows = self.database.change(&self.sql.claim, &values).await?;
        let row = rows.first().ok_or_else(|| corrupt("a claim has no row"))?;
        let held = ColumnsOfClaim::read::<DB>(row).map_err(DatabaseError::from)?;
        if let Some(fingerprint) = held.fingerprint {
            let fingerprint: [u8; 16] = fingerprint
                .try_into()
                .map_err(|_| corrupt("a fingerprint has 16 bytes"))?;
            let fingerprint = Fingerprint::from_bytes(fingerprint);
            return Ok(ClaimStatus::Completed { fingerprint });
        }
        if held.token == token.as_bytes() {
            return Ok(ClaimStatus::Claimed);
        }
        let expires_in = Duration::from_millis(held.expires_in.try_into().unwrap_or(0));
        Ok(ClaimStatus::InProgress { expires_in })
    }

    async fn complete(
        &self,
        key: &EventKey,
        token: ClaimToken,
        fingerprint: Fingerprint,
        retention: Duration,
    ) -> Result<Settlement, StoreError> {
        let hash = hash(key);
        let values = [
            Value::Bytes(&hash),
            Value::Bytes(token.as_bytes()),
            Value::Bytes(fingerprint.as_bytes()),
            Value::Int(milliseconds(retention)),
        ];
        let changed = self.database.execute(&self.sql.complete, &values).await?;
        Ok(settlement(changed == 0))
    }

    async fn release(&self, key: &EventKey, token: ClaimToken) -> Result<Settlement, StoreError> {
        let hash = hash(key);
        let values = [Value::Bytes(&hash), Value::Bytes(token.as_bytes())];
        let rows = self.database.change(&self.sql.release, &values).await?;
        Ok(settlement(is_one::<DB>(&rows)?))
    }

    async fn forget(&self, key: &EventKey) -> Result<bool, StoreError> {
        let hash = hash(key);
        let rows = self
            .database
            .change(&self.sql.forget, &[Value::Bytes(&hash)])
            .await?;
        is_one::<DB>(&rows)
    }

    /// Spawns a task, which ends within the [timeout](SqlStore::timeout) of each operation in it.
    ///
    /// Outside a runtime, as when the runtime itself ends, the claim is left to its lease.
    fn spawn(&self, work: BoxFuture<()>) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(work);
        }
    }
}

/// The result of a claim.
struct ColumnsOfClaim {
    token: Vec<u8>,
    fingerprint: Option<Vec<u8>>,
    expires_in: i64,
}

impl ColumnsOfClaim {
    fn read<DB: Engine>(row: &DB::Row) -> sqlx::Result<Self> {
        Ok(Self {
            token: DB::bytes(row, 0)?.unwrap_or_default(),
            fingerprint: DB::bytes(row, 1)?,
            expires_in: DB::int(row, 2)?.unwrap_or(0),
        })
    }
}

impl<DB: Engine> Clone for SqlStore<DB> {
    fn clone(&self) -> Self {
        Self {
            database: self.database.clone(),
            table: self.table.clone(),
            sql: Arc::clone(&self.sql),
        }
    }
}

impl<DB: Engine> fmt::Debug for SqlStore<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore")
            .field("table", &self.table)
            .field("timeout", &self.database.timeout())
            .finish_non_exhaustive()
    }
}

fn hash(key: &EventKey) -> [u8; 32] {
    Sha256::digest(key.as_str()).into()
}

fn is_one<DB: Engine>(rows: &[DB::Row]) -> Result<bool, StoreError> {
    let Some(row) = rows.first() else {
        return Ok(false);
    };
    Ok(DB::int(row, 0).map_err(DatabaseError::from)? == Some(1))
}

fn settlement(is_superseded: bool) -> Settlement {
    if is_superseded {
        Settlement::Superseded
    } else {
        Settlement::Done
    }
}

fn corrupt(rule: &'static str) -> StoreError {
    StoreError::new(rule)
}
