//! The configuration of an inbox.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Pool;
use tokio::sync::watch;
use tower_svix::VerifiedEvent;
use tower_svix::idempotency::EventKey;

use super::announcer::Announcer;
use super::writer::Writer;
use crate::database::Database;
use crate::database_error::DatabaseError;
use crate::engine::{Engine, InboxSql};
use crate::table::{Sql, TableName};

type KeyOf = dyn Fn(&VerifiedEvent) -> EventKey + Send + Sync;
type OrderOf = dyn Fn(&VerifiedEvent) -> Option<String> + Send + Sync;
type ContextOf = dyn Fn() -> Option<String> + Send + Sync;

/// A service that stores verified events in a table of Postgres or `SQLite`.
///
/// See the [module docs](crate::inbox) for an example, and for the response to each delivery. Clones are cheap, and refer to
/// the same inbox.
///
/// # Configuration of the database
///
/// - Postgres: `synchronous_commit` must not be `off`, and `fsync` must be on. These are the defaults. If Postgres fails over to
///   a replica, replication must be synchronous, or the events that were acknowledged last are lost. The isolation must be
///   `read committed`, the default. A `statement_timeout` of some seconds, as an option of the connections, ends statements
///   on the server that no client waits for.
/// - `SQLite`: set `journal_mode = WAL` and `synchronous = FULL`; `sqlx` sets neither by default. A new file has a rollback
///   journal, with which readers and the writer wait for each other. With `synchronous = NORMAL`, a power cut loses the events
///   that were acknowledged last. `busy_timeout`, the wait for other processes, should be at most [`Inbox::timeout`].
/// - The pool needs connections for the inbox and the workers. Each statement takes one connection while it runs, a worker
///   renews all its leases with one statement, and each transaction of a handler takes a connection. Give a worker its own
///   pool if its handlers use many connections.
/// - By default, a pool of `sqlx` tests each connection before use, which takes one more round trip.
///   `PoolOptions::test_before_acquire(false)` saves it.
/// - `PgBouncer`, if it shares connections between transactions, must support prepared statements (1.21, with
///   `max_prepared_statements`). It does not pass on announcements: see [how a worker learns of an
///   event](crate::worker#how-a-worker-learns-of-an-event).
///
/// ```
/// # #[cfg(all(feature = "postgres", feature = "sqlite"))]
/// # fn options() -> sqlx::Result<()> {
/// use std::time::Duration;
///
/// use sqlx::postgres::PgConnectOptions;
/// use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
///
/// let sqlite = SqliteConnectOptions::new()
///     .filename("webhooks.sqlite")
///     .create_if_missing(true)
///     .journal_mode(SqliteJournalMode::Wal)
///     .synchronous(SqliteSynchronous::Full)
///     .busy_timeout(Duration::from_secs(2));
/// let postgres = "postgres://localhost/billing"
///     .parse::<PgConnectOptions>()?
///     .options([("statement_timeout", "10s")]);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "deduplication")]
#[doc(alias = "outbox")]
#[doc(alias = "queue")]
#[must_use]
pub struct Inbox<DB: Engine> {
    pub(crate) database: Database<DB>,
    table: TableName,
    pub(crate) sql: Arc<InboxSql<Sql>>,
    /// Changes when there may be new events.
    pub(crate) wake: watch::Sender<()>,
    pub(super) writer: Arc<Writer>,
    pub(super) announcer: Arc<Announcer>,
    key: Option<Arc<KeyOf>>,
    order: Option<Arc<OrderOf>>,
    context: Option<Arc<ContextOf>>,
}

/// The columns that the table must have.
const COLUMNS: [&str; 17] = [
    "number",
    "key",
    "tenant",
    "id",
    "type",
    "sent_at",
    "received_at",
    "payload",
    "order_key",
    "trace_context",
    "state",
    "attempts",
    "due_at",
    "worker",
    "token",
    "error",
    "ended_at",
];

impl<DB: Engine> Inbox<DB> {
    /// Returns an inbox in the table `webhook_inbox` of the database of `pool`.
    ///
    /// Each receiver needs its own table, which is the same in all its processes. Svix sends an event under one id to every
    /// endpoint, so if two receivers shared a table, an event that one has stored would be a duplicate for the other.
    pub fn new(pool: Pool<DB>) -> Self {
        let table = TableName::fixed("webhook_inbox");
        Self {
            database: Database::new(pool),
            sql: Arc::new(DB::INBOX.fill(&table, DB::NOW)),
            table,
            wake: watch::Sender::default(),
            writer: Arc::default(),
            announcer: Arc::default(),
            key: None,
            order: None,
            context: None,
        }
    }

    /// Sets the table. Default: `webhook_inbox`.
    pub fn table(self, table: TableName) -> Self {
        // The shared state of the clones belongs to their table.
        Self {
            sql: Arc::new(DB::INBOX.fill(&table, DB::NOW)),
            table,
            wake: watch::Sender::default(),
            writer: Arc::default(),
            announcer: Arc::default(),
            ..self
        }
    }

    /// Sets the timeout for storing an event, which includes the wait for a connection of the pool, and for each statement of a
    /// worker. Default: two seconds, so that a sender gets its 503 before it gives up.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.database.set_timeout(timeout);
        // Clones that share a writer share the timeout of a batch.
        self.writer = Arc::default();
        self
    }

    /// Sets the timeout for each statement of the methods for operators, such as [`list`](Self::list),
    /// [`counts`](Self::counts), [`retry`](Self::retry) and [`delete_done`](Self::delete_done). Default: one minute.
    pub fn operator_timeout(mut self, timeout: Duration) -> Self {
        self.database.set_patience(timeout);
        self
    }

    /// Sets what makes two deliveries the same event. Default: the tenant and the id.
    ///
    /// For senders that give each attempt a different id, or several events the same id.
    ///
    /// # Example
    ///
    /// ```
    /// use tower_svix::idempotency::EventKey;
    /// use tower_svix_sqlx::{Engine, Inbox};
    ///
    /// /// The sender's id is new in each attempt; the invoice and the type are not.
    /// fn by_invoice<DB: Engine>(inbox: Inbox<DB>) -> Inbox<DB> {
    ///     inbox.key(|event| {
    ///         let invoice: Option<serde_json::Value> = event.json().ok();
    ///         match invoice.as_ref().and_then(|event| event["invoice_id"].as_str()) {
    ///             Some(id) => EventKey::new(event.tenant(), &format!("invoice {id}")),
    ///             None => EventKey::from(event),
    ///         }
    ///     })
    /// }
    /// ```
    pub fn key(mut self, key: impl Fn(&VerifiedEvent) -> EventKey + Send + Sync + 'static) -> Self {
        self.key = Some(Arc::new(key));
        self
    }

    /// Makes workers process events of one key one after another, in the order in which they were stored. Default: workers
    /// process as many events at once as they have room for.
    ///
    /// An event that arrives after the response to another is processed after it. Events that arrive at the same time have no
    /// particular order.
    ///
    /// An event with the key `None` waits for no other. An event that failed delays the later events of its key until it is
    /// done or dead. A dead event delays no other.
    ///
    /// # Example
    ///
    /// ```
    /// use tower_svix_sqlx::{Engine, Inbox};
    ///
    /// fn in_order<DB: Engine>(inbox: Inbox<DB>) -> Inbox<DB> {
    ///     inbox.order_by_key(|event| {
    ///         let event: serde_json::Value = event.json().ok()?;
    ///         event["data"]["job_id"].as_str().map(str::to_owned)
    ///     })
    /// }
    /// ```
    pub fn order_by_key(
        mut self,
        order: impl Fn(&VerifiedEvent) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.order = Some(Arc::new(order));
        self
    }

    /// Stores a text with each event, which tells its [attempts](super::StoredEvent::trace_context) the position of the
    /// delivery in a trace. Default: none.
    ///
    /// `context` is called within the span of the delivery. With OpenTelemetry, it returns the `traceparent` of the current
    /// context, and the handler makes its span a child of that.
    pub fn trace_context(
        mut self,
        context: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.context = Some(Arc::new(context));
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

    pub(super) fn key_of(&self, event: &VerifiedEvent) -> EventKey {
        match &self.key {
            Some(key) => key(event),
            None => EventKey::from(event),
        }
    }

    pub(super) fn order_of(&self, event: &VerifiedEvent) -> Option<String> {
        self.order.as_ref()?(event)
    }

    pub(super) fn context(&self) -> Option<String> {
        self.context.as_ref()?()
    }
}

impl<DB: Engine> Clone for Inbox<DB> {
    fn clone(&self) -> Self {
        Self {
            database: self.database.clone(),
            table: self.table.clone(),
            sql: Arc::clone(&self.sql),
            wake: self.wake.clone(),
            writer: Arc::clone(&self.writer),
            announcer: Arc::clone(&self.announcer),
            key: self.key.clone(),
            order: self.order.clone(),
            context: self.context.clone(),
        }
    }
}

impl<DB: Engine> fmt::Debug for Inbox<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("table", &self.table)
            .field("timeout", &self.database.timeout())
            .finish_non_exhaustive()
    }
}
