//! The interface to a database engine: a set of statements, and a few ways to run one.
#![allow(
    unnameable_types,
    reason = "nobody but this crate implements an engine, or calls one"
)]

use std::fmt;

use bytes::Bytes;

use self::private::Operations;
use crate::table::Sql;

/// A database engine: [`Postgres`](sqlx::Postgres) with the feature `postgres`, [`Sqlite`](sqlx::Sqlite) with `sqlite`.
///
/// The pool of a store or an inbox decides which engine it uses. No other crate can implement this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no database engine of `tower-svix-sqlx`",
    note = "switch on its feature `postgres` or `sqlite`"
)]
pub trait Engine: Operations {}

impl<DB: Operations> Engine for DB {}

/// A value that is bound to a statement.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Bytes(&'a [u8]),
    NoBytes,
    Int(i64),
    Text(Option<&'a str>),
}

/// An event that is to be stored.
#[cfg_attr(
    not(any(feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "without an engine, nothing is stored")
)]
pub struct NewEvent {
    /// The SHA-256 of its key.
    pub(crate) key: [u8; 32],
    pub(crate) tenant: Option<String>,
    pub(crate) id: String,
    pub(crate) event_type: Option<String>,
    /// In seconds since 1970.
    pub(crate) sent_at: i64,
    pub(crate) payload: Bytes,
    /// The SHA-256 of its order key.
    pub(crate) order_key: Option<[u8; 32]>,
    pub(crate) trace_context: Option<String>,
}

impl fmt::Debug for NewEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewEvent")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

pub(crate) mod private {
    use sqlx::{Database, Pool};
    use tokio::sync::watch;

    use super::{InboxSql, NewEvent, StoreSql, Value};
    use crate::table::Sql;

    /// The operations that differ between engines. `sqlx` has no type for all of them.
    pub trait Operations: Database {
        /// The statements of a store, with `{table}` in place of its name.
        const STORE: StoreSql<&'static str>;
        /// The statements of an inbox.
        const INBOX: InboxSql<&'static str>;
        /// The expression that replaces `{now}` in the statements.
        const NOW: &'static str;
        /// The statement that begins a transaction that writes.
        const BEGIN: &'static str;
        /// Returns the statement that begins the transaction of a handler. The engine ends the transaction if it is
        /// idle for that long.
        fn begin_attempt(idle: std::time::Duration) -> String;
        /// Whether only one statement at a time can write. It is then better to queue here than in the engine.
        const ONE_WRITER: bool;

        /// Returns the number of changed rows.
        fn execute(
            connection: &mut Self::Connection,
            sql: &Sql,
            values: &[Value<'_>],
        ) -> impl Future<Output = sqlx::Result<u64>> + Send;

        /// Stores the events whose keys are new, either all of them or none. Returns for each event whether it was new.
        fn insert(
            connection: &mut Self::Connection,
            sql: &Sql,
            events: &[NewEvent],
        ) -> impl Future<Output = sqlx::Result<Vec<bool>>> + Send;

        fn rows(
            connection: &mut Self::Connection,
            sql: &Sql,
            values: &[Value<'_>],
        ) -> impl Future<Output = sqlx::Result<Vec<Self::Row>>> + Send;

        /// Runs several statements without values.
        fn script(
            connection: &mut Self::Connection,
            sql: &Sql,
        ) -> impl Future<Output = sqlx::Result<()>> + Send;

        fn int(row: &Self::Row, column: usize) -> sqlx::Result<Option<i64>>;
        fn text(row: &Self::Row, column: usize) -> sqlx::Result<Option<String>>;
        fn bytes(row: &Self::Row, column: usize) -> sqlx::Result<Option<Vec<u8>>>;

        /// Passes on the announcements of other processes, and never returns.
        fn listen(
            pool: Pool<Self>,
            heard: watch::Sender<()>,
        ) -> impl Future<Output = ()> + Send + 'static;
    }
}

/// Defines a set of statements, with the function that fills in names.
macro_rules! define_statements {
    ($(#[$doc:meta])* $name:ident { $($field:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name<T> {
            $(pub(crate) $field: T,)*
        }

        impl $name<&'static str> {
            pub(crate) fn fill(&self, table: &crate::table::TableName, now: &str) -> $name<Sql> {
                $name { $($field: table.fill(self.$field, now),)* }
            }
        }
    };
}

define_statements! {
    /// The statements of a [`SqlStore`](crate::SqlStore).
    StoreSql { columns, lock, create_schema, create, claim, complete, release, forget, delete_expired }
}

define_statements! {
    /// The statements of an [`Inbox`](crate::Inbox) and its workers.
    InboxSql {
        columns, lock, create_schema, create,
        insert, compare, announce,
        claim, claim_late, renew, ours, done, fail, give_back,
        savepoint, undo, enter, leave, is_inside, reset, look,
        list, payload, counts, depth, retry, retry_dead, forget, delete_done, delete_dead,
    }
}
