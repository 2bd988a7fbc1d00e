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

/// Remembers events in a table of Postgres or `SQLite`.
///
/// Each operation is one statement, and so atomic. Postgres measures time by its own clock: those of the receivers do not
/// matter. `SQLite` takes the clock of the machine that it runs on.
///
/// # What the database must be set up for
///
/// - Postgres: `synchronous_commit` must not be `off`, or an event that was completed just before a crash is processed
///   again. A failover to a replica that is behind forgets as well, unless replication is synchronous. The isolation must
///   be `read committed`, the default.
/// - `SQLite`: `journal_mode = WAL`, and `synchronous = FULL` if a power cut must not be forgotten, as
///   [`Inbox`](crate::Inbox#what-the-database-must-be-set-up-for) shows. Several processes can share a file on one machine, but
///   not over a network's file system.
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
    /// Remembers events in the table `webhook_ids` of the database that `pool` leads to.
    ///
    /// The table must be of this receiver alone, and the same in all its processes. Receivers that share a table share their
    /// ids, and Svix sends a message under one id to every endpoint: what one of them processed, the other would not.
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

    /// Sets how long an operation may take before it counts as failed, the wait for a connection of the pool included.
    /// Default: two seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.database.set_timeout(timeout);
        self
    }

    /// Sets how long each statement of [`migrate`](Self::migrate) and [`delete_expired`](Self::delete_expired) may take, for
    /// which no sender waits. Default: one minute.
    pub fn operator_timeout(mut self, timeout: Duration) -> Self {
        self.database.set_patience(timeout);
        self
    }

    /// Creates the table unless it is there.
    ///
    /// Call it at every start: several processes can do so at once, and while the table is in use. If the table is there,
    /// this reads the catalogue and changes nothing, so the user of the database need not be allowed to create tables.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] if the database failed: then there is no table, rather than a part of one. Also if the table has not
    /// the columns that this version of the crate uses.
    pub async fn migrate(&self) -> Result<(), DatabaseError> {
        let sql = &self.sql;
        let statements = [&sql.columns, &sql.lock, &sql.create_schema, &sql.create];
        let created = self
            .database
            .create_table(&self.table, &COLUMNS, statements);
        created.await
    }

    /// Deletes the events whose time has passed, and returns how many there were.
    ///
    /// They are forgotten already; this frees the space that they take.
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

    /// Spawns a task that calls [`delete_expired`](Self::delete_expired) now and again after each `pause`.
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

/// What a claim returns.
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
