//! The statements for `SQLite`, 3.42 or later.
//!
//! Times are in milliseconds since 1970, and `{now}` is the same wherever it stands in a statement.

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

/// The names of the columns that the table has: none if there is no table.
const COLUMNS: &str = "SELECT name FROM pragma_table_info('{name}', {schema_or_null})";
/// `BEGIN IMMEDIATE` has locked the file.
const LOCK: &str = "SELECT 1";
/// It is an attached file.
const CREATE_SCHEMA: &str = "SELECT 1";

impl Operations for Sqlite {
    const STORE: StoreSql<&'static str> = store::STORE;
    const INBOX: InboxSql<&'static str> = inbox::INBOX;
    const NOW: &'static str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    // The lock for writing is taken at once: two transactions that both read first could not both write afterwards.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const ONE_WRITER: bool = true;

    fn begin_attempt(_: Duration) -> String {
        Self::BEGIN.to_owned()
    }

    define_statement_runners!();

    /// One transaction, and with that one write to the disk.
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
