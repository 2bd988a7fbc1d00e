//! The statements of an inbox on `SQLite`.

use super::{COLUMNS, CREATE_SCHEMA, LOCK};
use crate::engine::InboxSql;

pub(super) const INBOX: InboxSql<&str> = InboxSql {
    columns: COLUMNS,
    lock: LOCK,
    create_schema: CREATE_SCHEMA,

    // `due_at` is the time when a pending event may be claimed, or when the lease of a running event ends. From then
    // on, either can be claimed. Only one event of an order key can be running. A partial index serves only statements
    // with exactly the same condition.
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
            worker BLOB,
            token BLOB,
            error TEXT,
            ended_at INTEGER
        ) STRICT;
        CREATE INDEX {schema.}\"{name}_due\" ON \"{name}\" (due_at, number)
            WHERE state = 'pending' AND order_key IS NULL;
        CREATE INDEX {schema.}\"{name}_due_in_order\" ON \"{name}\" (due_at, number)
            WHERE state = 'pending' AND order_key IS NOT NULL;
        CREATE INDEX {schema.}\"{name}_order\" ON \"{name}\" (order_key, number)
            WHERE state = 'pending' AND order_key IS NOT NULL;
        CREATE UNIQUE INDEX {schema.}\"{name}_one_running\" ON \"{name}\" (order_key)
            WHERE state = 'running' AND order_key IS NOT NULL;
        CREATE INDEX {schema.}\"{name}_running\" ON \"{name}\" (number) WHERE state = 'running';
        CREATE INDEX {schema.}\"{name}_done\" ON \"{name}\" (ended_at) WHERE state = 'done';
        CREATE INDEX {schema.}\"{name}_dead\" ON \"{name}\" (number) WHERE state = 'dead';",

    // $1 key, $2 tenant, $3 id, $4 type, $5 sent at, in seconds since 1970, $6 payload, $7 order key, $8 trace context.
    insert: "
        INSERT INTO {table} (key, tenant, id, type, sent_at, payload, order_key, trace_context)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (key) DO NOTHING",

    // $1 key, $2 payload.
    compare: "SELECT payload = $2 FROM {table} WHERE key = $1",

    // Other processes poll.
    announce: "",

    // $1 limit for events without an order key, $2 token, $3 lease in milliseconds, $4 maximum of attempts, $5 limit
    // for events with an order key, $6 worker.
    //
    // An event with an order key can be claimed if it is the first of its key. The statement skips events that wait
    // behind another, but at most as many as `seen` has. After that, it finds the first event of each key by going from
    // key to key.
    claim: "
        WITH RECURSIVE
        seen (number) AS MATERIALIZED (
            SELECT number FROM {table}
            WHERE state = 'pending' AND order_key IS NOT NULL AND due_at <= {now}
            ORDER BY due_at, number LIMIT 200
        ),
        keys (order_key) AS (
            SELECT (
                SELECT order_key FROM {table} WHERE state = 'pending' AND order_key IS NOT NULL
                ORDER BY order_key LIMIT 1
            ) WHERE (SELECT count(*) FROM seen) = 200
            UNION ALL
            SELECT (
                SELECT order_key FROM {table}
                WHERE state = 'pending' AND order_key IS NOT NULL AND order_key > keys.order_key
                ORDER BY order_key LIMIT 1
            ) FROM keys WHERE keys.order_key IS NOT NULL
        )
        UPDATE {table} SET
            state = CASE WHEN attempts < $4 THEN 'running' ELSE 'dead' END,
            attempts = CASE WHEN attempts < $4 THEN attempts + 1 ELSE attempts END,
            error = CASE WHEN attempts < $4 THEN error ELSE coalesce(error, 'no attempt is left') END,
            ended_at = CASE WHEN attempts < $4 THEN NULL ELSE {now} END,
            worker = $6,
            token = $2,
            due_at = {now} + $3
        WHERE number IN (
            SELECT number FROM (
                SELECT number FROM {table}
                WHERE state = 'pending' AND order_key IS NULL AND due_at <= {now}
                ORDER BY due_at, number LIMIT $1
            )
            UNION ALL
            SELECT number FROM (
                SELECT number FROM {table} AS event
                WHERE number IN (
                        SELECT number FROM seen
                        UNION ALL
                        SELECT (
                            SELECT number FROM {table} AS first
                            WHERE first.state = 'pending' AND first.order_key = keys.order_key
                            ORDER BY number LIMIT 1
                        ) FROM keys WHERE keys.order_key IS NOT NULL
                    )
                    AND state = 'pending' AND due_at <= {now}
                    AND NOT EXISTS (
                        SELECT 1 FROM {table} AS other
                        WHERE other.state = 'running' AND other.order_key = event.order_key
                    )
                    AND NOT EXISTS (
                        SELECT 1 FROM {table} AS other
                        WHERE other.state = 'pending' AND other.order_key = event.order_key
                            AND other.number < event.number
                    )
                ORDER BY due_at, number LIMIT $5
            )
        )
        RETURNING number, tenant, id, type, sent_at, received_at, payload, trace_context, attempts, state,
            {now} - received_at, order_key IS NOT NULL",

    // $1 token, $2 lease in milliseconds, $3 maximum of attempts, $4 worker, $6 limit for events with up to $5
    // attempts, and $7 limit for events with more. If a worker dies in the last attempt, its event becomes dead.
    claim_late: "
        UPDATE {table} SET
            state = CASE WHEN attempts < $3 THEN 'running' ELSE 'dead' END,
            attempts = CASE WHEN attempts < $3 THEN attempts + 1 ELSE attempts END,
            error = CASE WHEN attempts < $3 THEN error ELSE 'its worker died in the last attempt' END,
            ended_at = CASE WHEN attempts < $3 THEN NULL ELSE {now} END,
            worker = $4,
            token = $1,
            due_at = {now} + $2
        WHERE number IN (
            SELECT number FROM (
                SELECT number FROM {table}
                WHERE state = 'running' AND due_at <= {now} AND worker IS NOT $4 AND attempts <= $5
                ORDER BY due_at LIMIT $6
            )
            UNION ALL
            SELECT number FROM (
                SELECT number FROM {table}
                WHERE state = 'running' AND due_at <= {now} AND worker IS NOT $4 AND attempts > $5
                ORDER BY due_at LIMIT $7
            )
        )
        RETURNING number, tenant, id, type, sent_at, received_at, payload, trace_context, attempts, state,
            {now} - received_at, order_key IS NOT NULL",

    // $1 worker, $2 lease in milliseconds.
    renew: "UPDATE {table} SET due_at = {now} + $2 WHERE state = 'running' AND worker = $1",
    // $1 worker. Waits for no lock.
    ours: "SELECT number, token FROM {table} WHERE state = 'running' AND worker = $1",

    // The following statements change nothing unless the event, $1, still has the token, $2.
    done: "
        UPDATE {table} SET state = 'done', ended_at = {now}, worker = NULL, token = NULL, error = NULL
        WHERE number = $1 AND token = $2 AND state = 'running'",
    // $3 pause in milliseconds, $4 error, $5 the state afterwards.
    fail: "
        UPDATE {table} SET
            state = $5, error = $4, worker = NULL, token = NULL,
            due_at = {now} + $3,
            ended_at = CASE WHEN $5 = 'dead' THEN {now} END
        WHERE number = $1 AND token = $2 AND state = 'running'",
    // $3 pause in milliseconds.
    give_back: "
        UPDATE {table} SET
            state = 'pending', due_at = {now} + $3, attempts = attempts - 1, worker = NULL, token = NULL
        WHERE number = $1 AND token = $2 AND state = 'running'",

    // The lease is not renewed while a transaction is open, so a failure is written before it ends.
    savepoint: "SAVEPOINT tower_svix_attempt",
    undo: "ROLLBACK TO tower_svix_attempt",

    // The first statement in the transaction of a handler marks the event, and the last one checks the mark. If SQLite
    // has rolled back in between, as it does when the disk is full, the mark is gone.
    enter: "
        UPDATE {table} SET state = 'done', ended_at = {now}
        WHERE number = $1 AND token = $2 AND state = 'running'",
    leave: "
        UPDATE {table} SET ended_at = {now}, worker = NULL, token = NULL, error = NULL
        WHERE number = $1 AND token = $2 AND state = 'done'",
    // Nobody else can have changed the event in the meantime.
    is_inside: "SELECT 0",
    // Fails inside a transaction. If SQLite has rolled back by itself, this begins another one, because `sqlx` must end
    // one.
    reset: "BEGIN",

    // $1 number.
    look: "SELECT state FROM {table} WHERE number = $1",

    // $1 number to start after, $2 limit, $3 id of the event, or NULL for any. `list` fills in `{in_state}`.
    list: "
        SELECT number, tenant, id, type, state, attempts, error, length(payload), received_at, due_at, ended_at
        FROM {table}
        WHERE number > $1 AND ($3 IS NULL OR id = $3) {in_state}
        ORDER BY number LIMIT $2",
    payload: "SELECT payload FROM {table} WHERE number = $1",

    // Returns the state, the number of events, and the age of the oldest in milliseconds.
    counts: "SELECT state, count(*), {now} - min(received_at) FROM {table} GROUP BY state",
    // The same without done events, which may be many. A state may occur twice.
    depth: "
        SELECT 'pending', count(*), {now} - min(received_at) FROM {table} WHERE state = 'pending' AND order_key IS NULL
        UNION ALL
        SELECT 'pending', count(*), {now} - min(received_at) FROM {table}
            WHERE state = 'pending' AND order_key IS NOT NULL
        UNION ALL
        SELECT 'running', count(*), {now} - min(received_at) FROM {table} WHERE state = 'running'
        UNION ALL
        SELECT 'dead', count(*), {now} - min(received_at) FROM {table} WHERE state = 'dead'",

    // $1 number.
    retry: "
        UPDATE {table} SET state = 'pending', due_at = {now}, attempts = 0, ended_at = NULL
        WHERE number = $1 AND state <> 'running'",
    retry_dead: "
        UPDATE {table} SET state = 'pending', due_at = {now}, attempts = 0, ended_at = NULL WHERE state = 'dead'",
    forget: "DELETE FROM {table} WHERE number = $1",

    // $1 retention in milliseconds, $2 limit.
    delete_done: "
        DELETE FROM {table} WHERE number IN (
            SELECT number FROM {table} WHERE state = 'done' AND ended_at <= {now} - $1 LIMIT $2
        )",
    delete_dead: "
        DELETE FROM {table} WHERE number IN (
            SELECT number FROM {table} WHERE state = 'dead' AND ended_at <= {now} - $1 LIMIT $2
        )",
};
