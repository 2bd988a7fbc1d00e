//! The statements for Postgres.
//!
//! `{now}` is `statement_timestamp()`: the time at which a statement arrived, and so the same wherever it stands in it. No
//! time of another machine is compared with it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgListener, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Pool, Postgres, Row as _};
use tokio::sync::watch;

use crate::engine::private::Operations;
use crate::engine::{InboxSql, NewEvent, StoreSql};
use crate::runners::{define_query, define_statement_runners};
use crate::table::Sql;

/// What every process announces new events on, and listens to. To be woken for another inbox does no harm.
const CHANNEL: &str = "tower_svix_inbox";

/// The pause before it is tried again to listen. Until then, a worker finds events when it looks for itself.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// It reads `pg_class`, and with that takes note of what others have created since the transaction began.
const EXISTS: &str = "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('{table}')";
/// Until the end of the transaction. Any number will do that nobody else takes.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7020664780236173409)";
const CREATE_SCHEMA: &str = "CREATE SCHEMA IF NOT EXISTS \"{schema}\"";

const STORE: StoreSql<&str> = StoreSql {
    exists: EXISTS,
    lock: LOCK,
    create_schema: CREATE_SCHEMA,

    // The key is the SHA-256 of an event's key: an index takes no text of more than 2,700 bytes. Without a fingerprint, the
    // event is being processed.
    create: "
        CREATE TABLE {table} (
            key BYTEA PRIMARY KEY,
            token BYTEA NOT NULL,
            fingerprint BYTEA,
            expires_at TIMESTAMPTZ NOT NULL
        );
        CREATE INDEX \"{name}_expires_at\" ON {table} (expires_at);",

    // $1 key, $2 token, $3 lease in milliseconds. It returns the resulting row, which may be another token's.
    claim: "
        INSERT INTO {table} AS held (key, token, expires_at)
        VALUES ($1, $2, {now} + $3 * INTERVAL '1 millisecond')
        ON CONFLICT (key) DO UPDATE SET
            token = CASE WHEN held.expires_at <= {now} THEN excluded.token ELSE held.token END,
            fingerprint = CASE WHEN held.expires_at <= {now} THEN NULL ELSE held.fingerprint END,
            expires_at = CASE WHEN held.expires_at <= {now} THEN excluded.expires_at ELSE held.expires_at END
        RETURNING token, fingerprint,
            (extract(epoch FROM expires_at - {now}) * 1000)::BIGINT",

    // $1 key, $2 token, $3 fingerprint, $4 retention in milliseconds.
    complete: "
        INSERT INTO {table} AS held (key, token, fingerprint, expires_at)
        VALUES ($1, $2, $3, {now} + $4 * INTERVAL '1 millisecond')
        ON CONFLICT (key) DO UPDATE SET
            token = excluded.token,
            fingerprint = excluded.fingerprint,
            expires_at = excluded.expires_at
        WHERE held.token = excluded.token OR held.expires_at <= {now}",

    // $1 key, $2 token. It returns whether the event is still held, by another token or for good.
    release: "
        UPDATE {table} SET expires_at = CASE
            WHEN token = $2 AND fingerprint IS NULL THEN LEAST(expires_at, {now}) ELSE expires_at END
        WHERE key = $1
        RETURNING (expires_at > {now})::INT::BIGINT",

    // $1 key. An event whose time has passed is gone already.
    forget: "DELETE FROM {table} WHERE key = $1 RETURNING (expires_at > {now})::INT::BIGINT",

    // $1 how many at most.
    delete_expired: "
        DELETE FROM {table} WHERE key IN (
            SELECT key FROM {table} WHERE expires_at <= {now}
            LIMIT $1 FOR UPDATE SKIP LOCKED
        )",
};

const INBOX: InboxSql<&str> = InboxSql {
    exists: EXISTS,
    lock: LOCK,
    create_schema: CREATE_SCHEMA,

    // `due_at` is when a pending event may be taken, and when the lease on a running one ends: both are then free to take.
    // Of the events with one order key, only one can be running.
    create: "
        CREATE TABLE {table} (
            number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            key BYTEA NOT NULL UNIQUE,
            tenant TEXT,
            id TEXT NOT NULL,
            type TEXT,
            sent_at TIMESTAMPTZ NOT NULL,
            received_at TIMESTAMPTZ NOT NULL DEFAULT {now},
            payload BYTEA NOT NULL,
            order_key BYTEA,
            trace_context TEXT,
            state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'done', 'dead')),
            attempts BIGINT NOT NULL DEFAULT 0,
            due_at TIMESTAMPTZ NOT NULL DEFAULT {now},
            token BYTEA,
            error TEXT,
            ended_at TIMESTAMPTZ
        );
        CREATE INDEX \"{name}_due\" ON {table} (due_at, number) WHERE state IN ('pending', 'running');
        CREATE INDEX \"{name}_order\" ON {table} (order_key, number)
            WHERE state IN ('pending', 'running') AND order_key IS NOT NULL;
        CREATE UNIQUE INDEX \"{name}_one_running\" ON {table} (order_key)
            WHERE state = 'running' AND order_key IS NOT NULL;
        CREATE INDEX \"{name}_ended\" ON {table} (state, ended_at) WHERE state IN ('done', 'dead');",

    // Of each event: $1 key, $2 tenant, $3 id, $4 type, $5 sent at, in seconds since 1970, $6 payload, $7 order key, $8
    // trace context. A transaction that inserts the same key is waited for, so what is in conflict is committed.
    insert: "
        INSERT INTO {table} (key, tenant, id, type, sent_at, payload, order_key, trace_context)
        SELECT key, tenant, id, type, to_timestamp(sent_at), payload, order_key, trace_context
        FROM unnest($1::BYTEA[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[], $6::BYTEA[], $7::BYTEA[], $8::TEXT[])
            AS event (key, tenant, id, type, sent_at, payload, order_key, trace_context)
        ON CONFLICT (key) DO NOTHING
        RETURNING key",

    // $1 key, $2 payload.
    compare: "SELECT (payload = $2)::INT::BIGINT FROM {table} WHERE key = $1",

    // Apart from the insert: a transaction that announces something holds a lock of the whole database while it commits,
    // and so nobody would share a write to disk with it.
    announce: "SELECT pg_notify('tower_svix_inbox', '{name}')",

    // $1 how many at most, $2 token, $3 lease in milliseconds, $4 how many attempts an event has. A worker that dies
    // in the last one leaves a dead event.
    claim: "
        WITH free AS MATERIALIZED (
            SELECT number FROM {table} AS event
            WHERE state IN ('pending', 'running') AND due_at <= {now}
                AND (order_key IS NULL OR NOT EXISTS (
                    SELECT FROM {table} AS other
                    WHERE other.order_key = event.order_key AND other.number <> event.number
                        AND other.state IN ('pending', 'running')
                        AND (other.state = 'running' OR (event.state = 'pending' AND other.number < event.number))
                ))
            ORDER BY due_at, number
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        )
        UPDATE {table} AS event SET
            state = CASE WHEN attempts < $4 THEN 'running' ELSE 'dead' END,
            attempts = CASE WHEN attempts < $4 THEN attempts + 1 ELSE attempts END,
            error = CASE WHEN attempts < $4 THEN error ELSE 'its worker died in the last attempt' END,
            ended_at = CASE WHEN attempts < $4 THEN NULL ELSE {now} END,
            token = $2,
            due_at = {now} + $3 * INTERVAL '1 millisecond'
        FROM free WHERE event.number = free.number
        RETURNING event.number, tenant, id, type, extract(epoch FROM sent_at)::BIGINT,
            (extract(epoch FROM received_at) * 1000)::BIGINT, payload, trace_context, attempts, state,
            (extract(epoch FROM {now} - received_at) * 1000)::BIGINT",

    // $1 token.
    give_back_claim: "
        UPDATE {table} SET state = 'pending', due_at = {now}, attempts = attempts - 1, token = NULL
        WHERE state = 'running' AND token = $1",

    // Those that follow change nothing unless the token, $2, still holds the event, $1. $3 lease in milliseconds.
    renew: "
        UPDATE {table} SET due_at = {now} + $3 * INTERVAL '1 millisecond'
        WHERE number = $1 AND token = $2 AND state = 'running'",
    done: "
        UPDATE {table} SET state = 'done', ended_at = {now}, token = NULL, error = NULL
        WHERE number = $1 AND token = $2 AND state = 'running'",
    // $3 pause in milliseconds, $4 error, $5 the state afterwards.
    fail: "
        UPDATE {table} SET
            state = $5, error = $4, token = NULL,
            due_at = {now} + $3 * INTERVAL '1 millisecond',
            ended_at = CASE WHEN $5 = 'dead' THEN {now} END
        WHERE number = $1 AND token = $2 AND state = 'running'",
    give_back: "
        UPDATE {table} SET state = 'pending', due_at = {now}, attempts = attempts - 1, token = NULL
        WHERE number = $1 AND token = $2 AND state = 'running'",

    // $1 after which number, $2 how many at most, $3 state, $4 id of the event, or NULL for any.
    list: "
        SELECT number, tenant, id, type, state, attempts, error, octet_length(payload)::BIGINT,
            (extract(epoch FROM received_at) * 1000)::BIGINT, (extract(epoch FROM due_at) * 1000)::BIGINT,
            (extract(epoch FROM ended_at) * 1000)::BIGINT
        FROM {table}
        WHERE number > $1 AND ($3 IS NULL OR state = $3) AND ($4 IS NULL OR id = $4)
        ORDER BY number LIMIT $2",
    payload: "SELECT payload FROM {table} WHERE number = $1",

    // The state, how many, and the age of the oldest in milliseconds.
    counts: "
        SELECT state, count(*), (extract(epoch FROM {now} - min(received_at)) * 1000)::BIGINT
        FROM {table} GROUP BY state",
    // The same without those that are done, which may be many.
    depth: "
        SELECT state, count(*), (extract(epoch FROM {now} - min(received_at)) * 1000)::BIGINT
        FROM {table} WHERE state IN ('pending', 'running') GROUP BY state
        UNION ALL
        SELECT 'dead', count(*), (extract(epoch FROM {now} - min(received_at)) * 1000)::BIGINT
        FROM {table} WHERE state = 'dead'",

    // $1 number.
    retry: "
        UPDATE {table} SET state = 'pending', due_at = {now}, attempts = 0, ended_at = NULL
        WHERE number = $1 AND state <> 'running'",
    retry_dead: "
        UPDATE {table} SET state = 'pending', due_at = {now}, attempts = 0, ended_at = NULL
        WHERE state = 'dead'",
    forget: "DELETE FROM {table} WHERE number = $1",

    // $1 retention in milliseconds, $2 how many at most.
    delete_done: "
        DELETE FROM {table} WHERE number IN (
            SELECT number FROM {table}
            WHERE state = 'done' AND ended_at <= {now} - $1 * INTERVAL '1 millisecond'
            LIMIT $2 FOR UPDATE SKIP LOCKED
        )",
};

impl Operations for Postgres {
    const STORE: StoreSql<&'static str> = STORE;
    const INBOX: InboxSql<&'static str> = INBOX;
    const NOW: &'static str = "statement_timestamp()";
    const BEGIN: &'static str = "BEGIN";
    const ONE_WRITER: bool = false;

    define_statement_runners!();

    /// One statement: a round trip, and a commit.
    async fn insert(
        connection: &mut PgConnection,
        sql: &Sql,
        events: &[NewEvent],
    ) -> sqlx::Result<Vec<bool>> {
        // All insert in the same order. Otherwise each of two could wait for a key that the other has inserted.
        let mut in_order: Vec<_> = events.iter().collect();
        in_order.sort_unstable_by_key(|event| event.key);
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
        // Of two with the same key, one was new.
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
