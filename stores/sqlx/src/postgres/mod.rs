//! The statements for Postgres.
//!
//! `{now}` is `statement_timestamp()`, the time at which a statement arrived, which is the same everywhere in the
//! statement. It is never compared with the time of another machine.

mod inbox;
mod store;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgListener, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Pool, Postgres, Row as _};
use tokio::sync::watch;

use crate::database::milliseconds;
use crate::engine::private::Operations;
use crate::engine::{InboxSql, NewEvent, StoreSql};
use crate::runners::{define_query, define_statement_runners};
use crate::table::Sql;

/// The channel for announcements of new events. Being woken for another inbox does no harm.
const CHANNEL: &str = "tower_svix_inbox";

/// The pause before the next attempt to listen. Until then, workers find events when they poll.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Returns the names of the table's columns, or no row if there is no table.
const COLUMNS: &str = "
    SELECT attname::TEXT FROM pg_catalog.pg_attribute
    WHERE attrelid = to_regclass('{table}') AND attnum > 0 AND NOT attisdropped";
/// Takes an advisory lock until the end of the transaction. Its number is arbitrary, but nobody else must use it.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7020664780236173409)";
/// Creates the schema only if it does not exist: `CREATE SCHEMA IF NOT EXISTS` needs a right on the database even then.
const CREATE_SCHEMA: &str = "
    DO $$ BEGIN
        IF to_regnamespace('\"{schema}\"') IS NULL THEN
            CREATE SCHEMA \"{schema}\";
        END IF;
    END $$";

impl Operations for Postgres {
    const STORE: StoreSql<&'static str> = store::STORE;
    const INBOX: InboxSql<&'static str> = inbox::INBOX;
    const NOW: &'static str = "statement_timestamp()";
    const BEGIN: &'static str = "BEGIN";
    const ONE_WRITER: bool = false;

    /// Keeps the timeout of the database's user if it is shorter.
    fn begin_attempt(idle: Duration) -> String {
        let idle = milliseconds(idle).min(i32::MAX.into());
        format!(
            "BEGIN; SET LOCAL tower_svix.attempt = 'open';
            SELECT set_config('idle_in_transaction_session_timeout', '{idle}', TRUE)
            WHERE extract(epoch FROM current_setting('idle_in_transaction_session_timeout')::INTERVAL) * 1000
                NOT BETWEEN 1 AND {idle}"
        )
    }

    define_statement_runners!();

    /// Inserts with one statement, which is one round trip and one commit.
    async fn insert(
        connection: &mut PgConnection,
        sql: &Sql,
        events: &[NewEvent],
    ) -> sqlx::Result<Vec<bool>> {
        // Sort the keys, so that all statements insert in the same order. Otherwise, two statements could each wait for
        // a key that the other has inserted. The sort is stable: of several events with one key, the first to arrive is
        // stored.
        let mut in_order: Vec<_> = events.iter().collect();
        in_order.sort_by_key(|event| event.key);
        let all = || in_order.iter();
        let rows = sqlx::query::<Self>(AssertSqlSafe(Arc::clone(sql)))
            .bind(all().map(|event| &event.key[..]).collect::<Vec<_>>())
            .bind(
                all()
                    .map(|event| event.tenant.as_deref())
                    .collect::<Vec<_>>(),
            )
            .bind(all().map(|event| &event.id[..]).collect::<Vec<_>>())
            .bind(
                all()
                    .map(|event| event.event_type.as_deref())
                    .collect::<Vec<_>>(),
            )
            .bind(all().map(|event| event.sent_at).collect::<Vec<_>>())
            .bind(all().map(|event| &event.payload[..]).collect::<Vec<_>>())
            .bind(
                all()
                    .map(|event| event.order_key.as_ref().map(|key| &key[..]))
                    .collect::<Vec<_>>(),
            )
            .bind(
                all()
                    .map(|event| event.trace_context.as_deref())
                    .collect::<Vec<_>>(),
            )
            .fetch_all(connection)
            .await?;
        let keys = rows.iter().map(|row| row.try_get(0));
        let mut new: HashSet<&[u8]> = keys.collect::<sqlx::Result<_>>()?;
        // Of several events with the same key, only the first was new.
        Ok(events
            .iter()
            .map(|event| new.remove(&event.key[..]))
            .collect())
    }

    async fn listen(pool: Pool<Self>, heard: watch::Sender<()>) {
        // A separate pool, because a listener never returns its connection.
        let options = pool.connect_options();
        let own = PgPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options.as_ref().clone());
        loop {
            // A proxy that shares connections, such as PgBouncer, does not pass on announcements.
            let _ = listen_once(&own, &heard).await;
            tokio::time::sleep(LISTEN_AGAIN).await;
        }
    }
}

/// Listens until the connection breaks.
async fn listen_once(pool: &PgPool, heard: &watch::Sender<()>) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // Also after a reconnection, because announcements may have been missed in the meantime.
        heard.send_replace(());
        listener.try_recv().await?;
    }
}

define_query!(Postgres, PgArguments);
