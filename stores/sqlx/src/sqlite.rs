//! The statements for `SQLite`, 3.42 or later.
//!
//! Times are in milliseconds since 1970, and `{now}` is the same wherever it stands in a statement.

use std::future::pending;

use sqlx::sqlite::SqliteArguments;
use sqlx::{Connection as _, Pool, Sqlite, SqliteConnection};
use tokio::sync::watch;

use crate::engine::private::Operations;
use crate::engine::{InboxSql, NewEvent, StoreSql, Value};
use crate::runners::{define_query, define_statement_runners};
use crate::table::Sql;

const EXISTS: &str = "
    SELECT count(*) FROM {schema.}sqlite_master WHERE type = 'table' AND name = '{name}' COLLATE NOCASE";
/// `BEGIN IMMEDIATE` has locked the file.
const LOCK: &str = "SELECT 1";
/// It is an attached file.
const CREATE_SCHEMA: &str = "SELECT 1";

const STORE: StoreSql<&str> = StoreSql {
    exists: EXISTS,
    lock: LOCK,
    create_schema: CREATE_SCHEMA,

    // The key is the SHA-256 of an event's key. Without a fingerprint, the event is being processed.
    create: "
        CREATE TABLE {table} (
            key BLOB PRIMARY KEY,
            token BLOB NOT NULL,
            fingerprint BLOB,
            expires_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX {schema.}\"{name}_expires_at\" ON \"{name}\" (expires_at);",

    // $1 key, $2 token, $3 lease in milliseconds. It returns the resulting row, which may be another token's.
    claim: "
        INSERT INTO {table} AS held (key, token, expires_at)
        VALUES ($1, $2, {now} + $3)
        ON CONFLICT (key) DO UPDATE SET
            token = CASE WHEN held.expires_at <= {now} THEN excluded.token ELSE held.token END,
            fingerprint = CASE WHEN held.expires_at <= {now} THEN NULL ELSE held.fingerprint END,
            expires_at = CASE WHEN held.expires_at <= {now} THEN excluded.expires_at ELSE held.expires_at END
        RETURNING token, fingerprint, expires_at - {now}",

    // $1 key, $2 token, $3 fingerprint, $4 retention in milliseconds.
    complete: "
        INSERT INTO {table} AS held (key, token, fingerprint, expires_at)
        VALUES ($1, $2, $3, {now} + $4)
        ON CONFLICT (key) DO UPDATE SET
            token = excluded.token,
            fingerprint = excluded.fingerprint,
            expires_at = excluded.expires_at
        WHERE held.token = excluded.token OR held.expires_at <= {now}",

    // $1 key, $2 token. It returns whether the event is still held, by another token or for good.
    release: "
        UPDATE {table} SET expires_at = CASE
            WHEN token = $2 AND fingerprint IS NULL THEN min(expires_at, {now}) ELSE expires_at END
        WHERE key = $1
        RETURNING expires_at > {now}",

    // $1 key. An event whose time has passed is gone already.
    forget: "DELETE FROM {table} WHERE key = $1 RETURNING expires_at > {now}",

    // $1 how many at most.
    delete_expired: "
        DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE expires_at <= {now} LIMIT $1)",
};

const INBOX: InboxSql<&str> = InboxSql {
    exists: EXISTS,
    lock: LOCK,
    create_schema: CREATE_SCHEMA,

    // `due_at` is when a pending event may be taken, and when the lease on a running one ends: both are then free to take.
    // Of the events with one order key, only one can be running.
    create: "
        CREATE TABLE {table} (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            key BLOB NOT NULL UNIQUE,
            tenant TEXT,
            id TEXT NOT NULL,
            type TEXT,
            sent_at INTEGER NOT NULL,
            received_at INTEGER NOT NULL DEFAULT ({now}),
            payload BLOB NOT NULL,
            order_key BLOB,
            trace_context TEXT,
            state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'done', 'dead')),
            attempts INTEGER NOT NULL DEFAULT 0,
            due_at INTEGER NOT NULL DEFAULT ({now}),
            token BLOB,
            error TEXT,
            ended_at INTEGER
        );
        CREATE INDEX {schema.}\"{name}_due\" ON \"{name}\" (due_at, number) WHERE state IN ('pending', 'running');
        CREATE INDEX {schema.}\"{name}_order\" ON \"{name}\" (order_key, number)
            WHERE state IN ('pending', 'running') AND order_key IS NOT NULL;
        CREATE UNIQUE INDEX {schema.}\"{name}_one_running\" ON \"{name}\" (order_key)
            WHERE state = 'running' AND order_key IS NOT NULL;
        CREATE INDEX {schema.}\"{name}_ended\" ON \"{name}\" (state, ended_at) WHERE state IN ('done', 'dead');",

    // $1 key, $2 tenant, $3 id, $4 type, $5 sent at, in seconds since 1970, $6 payload, $7 order key, $8 trace context.
    insert: "
        INSERT INTO {table} (key, tenant, id, type, sent_at, payload, order_key, trace_context)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (key) DO NOTHING",

    // $1 key, $2 payload.
    compare: "SELECT payload = $2 FROM {table} WHERE key = $1",

    // Other processes look for themselves.
    announce: "",

    // $1 how many at most, $2 token, $3 lease in milliseconds, $4 how many attempts an event has. A worker that dies
    // in the last one leaves a dead event.
    claim: "
        UPDATE {table} SET
            state = CASE WHEN attempts < $4 THEN 'running' ELSE 'dead' END,
            attempts = CASE WHEN attempts < $4 THEN attempts + 1 ELSE attempts END,
            error = CASE WHEN attempts < $4 THEN error ELSE 'its worker died in the last attempt' END,
            ended_at = CASE WHEN attempts < $4 THEN NULL ELSE {now} END,
            token = $2,
            due_at = {now} + $3
        WHERE number IN (
            SELECT number FROM {table} AS event
            WHERE state IN ('pending', 'running') AND due_at <= {now}
                AND (order_key IS NULL OR NOT EXISTS (
                    SELECT 1 FROM {table} AS other
                    WHERE other.order_key = event.order_key AND other.number <> event.number
                        AND other.state IN ('pending', 'running')
                        AND (other.state = 'running' OR (event.state = 'pending' AND other.number < event.number))
                ))
            ORDER BY due_at, number
            LIMIT $1
        )
        RETURNING number, tenant, id, type, sent_at, received_at, payload, trace_context, attempts, state,
            {now} - received_at",

    // $1 token.
    give_back_claim: "
        UPDATE {table} SET state = 'pending', due_at = {now}, attempts = attempts - 1, token = NULL
        WHERE state = 'running' AND token = $1",

    // Those that follow change nothing unless the token, $2, still holds the event, $1. $3 lease in milliseconds.
    renew: "UPDATE {table} SET due_at = {now} + $3 WHERE number = $1 AND token = $2 AND state = 'running'",
    done: "
        UPDATE {table} SET state = 'done', ended_at = {now}, token = NULL, error = NULL
        WHERE number = $1 AND token = $2 AND state = 'running'",
    // $3 pause in milliseconds, $4 error, $5 the state afterwards.
    fail: "
        UPDATE {table} SET
            state = $5, error = $4, token = NULL,
            due_at = {now} + $3,
            ended_at = CASE WHEN $5 = 'dead' THEN {now} END
        WHERE number = $1 AND token = $2 AND state = 'running'",
    give_back: "
        UPDATE {table} SET state = 'pending', due_at = {now}, attempts = attempts - 1, token = NULL
        WHERE number = $1 AND token = $2 AND state = 'running'",

    // $1 after which number, $2 how many at most, $3 state, $4 id of the event, or NULL for any.
    list: "
        SELECT number, tenant, id, type, state, attempts, error, length(payload), received_at, due_at, ended_at
        FROM {table}
        WHERE number > $1 AND ($3 IS NULL OR state = $3) AND ($4 IS NULL OR id = $4)
        ORDER BY number LIMIT $2",
    payload: "SELECT payload FROM {table} WHERE number = $1",

    // The state, how many, and the age of the oldest in milliseconds.
    counts: "SELECT state, count(*), {now} - min(received_at) FROM {table} GROUP BY state",
    // The same without those that are done, which may be many.
    depth: "
        SELECT state, count(*), {now} - min(received_at) FROM {table}
        WHERE state IN ('pending', 'running') GROUP BY state
        UNION ALL
        SELECT 'dead', count(*), {now} - min(received_at) FROM {table} WHERE state = 'dead'",

    // $1 number.
    retry: "
        UPDATE {table} SET state = 'pending', due_at = {now}, attempts = 0, ended_at = NULL
        WHERE number = $1 AND state <> 'running'",
    retry_dead: "
        UPDATE {table} SET state = 'pending', due_at = {now}, attempts = 0, ended_at = NULL WHERE state = 'dead'",
    forget: "DELETE FROM {table} WHERE number = $1",

    // $1 retention in milliseconds, $2 how many at most.
    delete_done: "
        DELETE FROM {table} WHERE number IN (
            SELECT number FROM {table} WHERE state = 'done' AND ended_at <= {now} - $1 LIMIT $2
        )",
};

impl Operations for Sqlite {
    const STORE: StoreSql<&'static str> = STORE;
    const INBOX: InboxSql<&'static str> = INBOX;
    const NOW: &'static str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    // The lock for writing is taken at once: two transactions that both read first could not both write afterwards.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const ONE_WRITER: bool = true;

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
