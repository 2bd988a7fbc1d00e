//! The statements for Postgres.
//!
//! `{now}` is `statement_timestamp()`: the time at which a statement arrived, and so the same wherever it stands in it. No
//! time of another machine is compared with it.

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

/// What every process announces new events on, and listens to. To be woken for another inbox does no harm.
const CHANNEL: &str = "tower_svix_inbox";

/// The pause before it is tried again to listen. Until then, a worker finds events when it looks for itself.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// The names of the columns that the table has: none if there is no table.
const COLUMNS: &str = "
    SELECT attname::TEXT FROM pg_catalog.pg_attribute
    WHERE attrelid = to_regclass('{table}') AND attnum > 0 AND NOT attisdropped";
/// Until the end of the transaction. Any number will do that nobody else takes.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7020664780236173409)";
/// To create a schema asks for a right on the database, also if the schema is there.
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

    /// A shorter time that the user of the database has is left.
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

    /// One statement: a round trip, and a commit.
    async fn insert(
        connection: &mut PgConnection,
        sql: &Sql,
        events: &[NewEvent],
    ) -> sqlx::Result<Vec<bool>> {
        // All insert in the same order. Otherwise each of two could wait for a key that the other has inserted. Of several
        // with the same key, the first to arrive stays the first: it is the one that is stored.
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
        // Of several with the same key, the first was new.
        Ok(events
            .iter()
            .map(|event| new.remove(&event.key[..]))
            .collect())
    }

    async fn listen(pool: Pool<Self>, heard: watch::Sender<()>) {
        // A pool of its own: the connection of a listener is taken for good.
        let options = pool.connect_options();
        let own = PgPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options.as_ref().clone());
        loop {
            // Through a proxy that shares connections, such as PgBouncer, nothing is heard.
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
        // Also if it had to connect again, since something may have been announced meanwhile.
        heard.send_replace(());
        listener.try_recv().await?;
    }
}

define_query!(Postgres, PgArguments);
