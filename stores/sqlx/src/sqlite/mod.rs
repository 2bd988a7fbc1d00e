//! The statements for `SQLite`, 3.42 or later.
//!
//! Times are in milliseconds since 1970. `{now}` is the same everywhere in a statement.

mod inbox;
mod store;

use std::future::pending;
use std::time::Duration;

use sqlx::sqlite::SqliteArguments;
use sqlx::{Connection as _, Pool, Sqlite, SqliteConnection};
use tokio::sync::watch;

use crate::engine::private::Operations;
use crate::engine::{InboxSql, NewEvent, StoreSql, Value};
use crate::runners::{define_query, define_statement_runners};
use crate::table::Sql;

/// Returns the names of the table's columns, or no row if there is no table.
const COLUMNS: &str = "SELECT name FROM pragma_table_info('{name}', {schema_or_null})";
/// Nothing: `BEGIN IMMEDIATE` has locked the file.
const LOCK: &str = "SELECT 1";
/// Nothing: a schema is an attached file.
const CREATE_SCHEMA: &str = "SELECT 1";

impl Operations for Sqlite {
    const STORE: StoreSql<&'static str> = store::STORE;
    const INBOX: InboxSql<&'static str> = inbox::INBOX;
    const NOW: &'static str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    // Takes the write lock at once. If two transactions read first, only one of them could write afterwards.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const ONE_WRITER: bool = true;

    fn begin_attempt(_: Duration) -> String {
        Self::BEGIN.to_owned()
    }

    define_statement_runners!();

    /// Inserts in one transaction, which is one write to the disk.
    async fn insert(
        connection: &mut SqliteConnection,
        sql: &Sql,
        events: &[NewEvent],
    ) -> sqlx::Result<Vec<bool>> {
        let mut transaction = connection.begin_with(Self::BEGIN).await?;
        let mut are_new = Vec::with_capacity(events.len());
        for event in events {
            let values = [
                Value::Bytes(&event.key),
                Value::Text(event.tenant.as_deref()),
                Value::Text(Some(&event.id)),
                Value::Text(event.event_type.as_deref()),
                Value::Int(event.sent_at),
                Value::Bytes(&event.payload),
                event
                    .order_key
                    .as_ref()
                    .map_or(Value::NoBytes, |key| Value::Bytes(key)),
                Value::Text(event.trace_context.as_deref()),
            ];
            are_new.push(Self::execute(&mut transaction, sql, &values).await? == 1);
        }
        transaction.commit().await?;
        Ok(are_new)
    }

    async fn listen(_: Pool<Self>, _: watch::Sender<()>) {
        pending::<()>().await;
    }
}

define_query!(Sqlite, SqliteArguments);
