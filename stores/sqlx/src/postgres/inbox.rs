//! The statements of an inbox on Postgres.

use super::{COLUMNS, CREATE_SCHEMA, LOCK};
use crate::engine::InboxSql;

pub(super) const INBOX: InboxSql<&str> = InboxSql {
    columns: COLUMNS,
    lock: LOCK,
    create_schema: CREATE_SCHEMA,

    // `due_at` is the time when a pending event may be claimed, or when the lease of a running event ends. From then
    // on, either can be claimed. Only one event of an order key can be running.
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
            worker BYTEA,
            token BYTEA,
            error TEXT,
            ended_at TIMESTAMPTZ
        );
        CREATE INDEX \"{name}_due\" ON {table} (due_at, number) WHERE state = 'pending' AND order_key IS NULL;
        CREATE INDEX \"{name}_due_in_order\" ON {table} (due_at, number)
            WHERE state = 'pending' AND order_key IS NOT NULL;
        CREATE INDEX \"{name}_order\" ON {table} (order_key, number)
            WHERE state = 'pending' AND order_key IS NOT NULL;
        CREATE UNIQUE INDEX \"{name}_one_running\" ON {table} (order_key)
            WHERE state = 'running' AND order_key IS NOT NULL;
        CREATE INDEX \"{name}_running\" ON {table} (due_at) WHERE state = 'running';
        CREATE INDEX \"{name}_done\" ON {table} (ended_at) WHERE state = 'done';
        CREATE INDEX \"{name}_dead\" ON {table} (number) WHERE state = 'dead';",

    // For each event: $1 key, $2 tenant, $3 id, $4 type, $5 sent at, in seconds since 1970, $6 payload, $7 order key,
    // $8 trace context. The statement waits for a transaction that inserts the same key, so a conflicting row is
    // committed. It does not wait for a transaction that changes or deletes the row, which could keep all other events
    // waiting.
    insert: "
        INSERT INTO {table} (key, tenant, id, type, sent_at, payload, order_key, trace_context)
        SELECT key, tenant, id, type, to_timestamp(sent_at), payload, order_key, trace_context
        FROM unnest($1::BYTEA[], $2::TEXT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[], $6::BYTEA[], $7::BYTEA[], $8::TEXT[])
            AS event (key, tenant, id, type, sent_at, payload, order_key, trace_context)
        WHERE NOT EXISTS (SELECT FROM {table} AS stored WHERE stored.key = event.key)
        ON CONFLICT (key) DO NOTHING
        RETURNING key",

    // $1 key, $2 payload.
    compare: "SELECT (payload = $2)::INT::BIGINT FROM {table} WHERE key = $1",

    // Separate from the insert, because a transaction with `NOTIFY` locks the whole database while it commits, so that
    // no other commit could share its write to disk.
    announce: "SELECT pg_notify('tower_svix_inbox', '{name}')",

    // $1 limit for events without an order key, $2 token, $3 lease in milliseconds, $4 maximum of attempts, $5 limit
    // for events with an order key, $6 worker.
    //
    // An event with an order key can be claimed if it is the first of its key. The statement skips events that wait
    // behind another, but at most as many as `seen` has. After that, it finds the first event of each key by going from
    // key to key.
    claim: "
        WITH RECURSIVE
        plain AS MATERIALIZED (
            SELECT number FROM {table}
            WHERE state = 'pending' AND order_key IS NULL AND due_at <= {now}
            ORDER BY due_at, number LIMIT $1
            FOR UPDATE SKIP LOCKED
        ),
        seen AS MATERIALIZED (
            SELECT number FROM {table}
            WHERE state = 'pending' AND order_key IS NOT NULL AND due_at <= {now}
            ORDER BY due_at, number LIMIT 200
        ),
        keys AS (
            SELECT (
                SELECT order_key FROM {table} WHERE state = 'pending' AND order_key IS NOT NULL
                ORDER BY order_key LIMIT 1
            ) AS order_key WHERE (SELECT count(*) FROM seen) = 200
            UNION ALL
            SELECT (
                SELECT order_key FROM {table}
                WHERE state = 'pending' AND order_key IS NOT NULL AND order_key > keys.order_key
                ORDER BY order_key LIMIT 1
            ) FROM keys WHERE keys.order_key IS NOT NULL
        ),
        candidates AS MATERIALIZED (
            SELECT number FROM seen
            UNION
            SELECT (
                SELECT number FROM {table} AS first
                WHERE first.state = 'pending' AND first.order_key = keys.order_key
                ORDER BY number LIMIT 1
            ) FROM keys WHERE keys.order_key IS NOT NULL
        ),
        in_order AS MATERIALIZED (
            SELECT event.number FROM candidates JOIN {table} AS event USING (number)
            WHERE event.state = 'pending' AND event.due_at <= {now}
                AND NOT EXISTS (
                    SELECT FROM {table} AS other
                    WHERE other.state = 'running' AND other.order_key = event.order_key
                )
                AND NOT EXISTS (
                    SELECT FROM {table} AS other
                    WHERE other.state = 'pending' AND other.order_key = event.order_key
                        AND other.number < event.number
                )
            ORDER BY event.due_at, event.number LIMIT $5
            FOR UPDATE OF event SKIP LOCKED
        ),
        free AS (SELECT number FROM plain UNION ALL SELECT number FROM in_order)
        UPDATE {table} AS event SET
            state = CASE WHEN attempts < $4 THEN 'running' ELSE 'dead' END,
            attempts = CASE WHEN attempts < $4 THEN attempts + 1 ELSE attempts END,
            error = CASE WHEN attempts < $4 THEN error ELSE coalesce(error, 'no attempt is left') END,
            ended_at = CASE WHEN attempts < $4 THEN NULL ELSE {now} END,
            worker = $6,
            token = $2,
            due_at = {now} + $3 * INTERVAL '1 millisecond'
        FROM free WHERE event.number = free.number
        RETURNING event.number, tenant, id, type, extract(epoch FROM sent_at)::BIGINT,
            (extract(epoch FROM received_at) * 1000)::BIGINT, payload, trace_context, attempts, state,
            (extract(epoch FROM {now} - received_at) * 1000)::BIGINT, (order_key IS NOT NULL)::INT::BIGINT",

    // $1 token, $2 lease in milliseconds, $3 maximum of attempts, $4 worker, $6 limit for events with up to $5
    // attempts, and $7 limit for events with more. If a worker dies in the last attempt, its event becomes dead.
    claim_late: "
        WITH unlucky AS MATERIALIZED (
            SELECT number FROM {table}
            WHERE state = 'running' AND due_at <= {now} AND worker IS DISTINCT FROM $4 AND attempts <= $5
            ORDER BY due_at LIMIT $6
            FOR UPDATE SKIP LOCKED
        ),
        suspect AS MATERIALIZED (
            SELECT number FROM {table}
            WHERE state = 'running' AND due_at <= {now} AND worker IS DISTINCT FROM $4 AND attempts > $5
            ORDER BY due_at LIMIT $7
            FOR UPDATE SKIP LOCKED
        ),
        late AS (SELECT number FROM unlucky UNION ALL SELECT number FROM suspect)
        UPDATE {table} AS event SET
            state = CASE WHEN attempts < $3 THEN 'running' ELSE 'dead' END,
            attempts = CASE WHEN attempts < $3 THEN attempts + 1 ELSE attempts END,
            error = CASE WHEN attempts < $3 THEN error ELSE 'its worker died in the last attempt' END,
            ended_at = CASE WHEN attempts < $3 THEN NULL ELSE {now} END,
            worker = $4,
            token = $1,
            due_at = {now} + $2 * INTERVAL '1 millisecond'
        FROM late WHERE event.number = late.number
        RETURNING event.number, tenant, id, type, extract(epoch FROM sent_at)::BIGINT,
            (extract(epoch FROM received_at) * 1000)::BIGINT, payload, trace_context, attempts, state,
            (extract(epoch FROM {now} - received_at) * 1000)::BIGINT, (order_key IS NOT NULL)::INT::BIGINT",

    // $1 worker, $2 lease in milliseconds. Skips a row that somebody else has locked: while waiting for it, all other
    // leases could end.
    renew: "
        UPDATE {table} SET due_at = {now} + $2 * INTERVAL '1 millisecond'
        WHERE number IN (
            SELECT number FROM {table} WHERE state = 'running' AND worker = $1
            FOR UPDATE SKIP LOCKED
        )",
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
            due_at = {now} + $3 * INTERVAL '1 millisecond',
            ended_at = CASE WHEN $5 = 'dead' THEN {now} END
        WHERE number = $1 AND token = $2 AND state = 'running'",
    // $3 pause in milliseconds.
    give_back: "
        UPDATE {table} SET
            state = 'pending', due_at = {now} + $3 * INTERVAL '1 millisecond', attempts = attempts - 1,
            worker = NULL, token = NULL
        WHERE number = $1 AND token = $2 AND state = 'running'",

    // The lease is renewed while a transaction is open, so a failure can be written afterwards.
    savepoint: "",
    undo: "",

    // The event is marked last, so that its lease can be renewed until then. The setting ends with the transaction in
    // which it was made, which prevents a mark in a later transaction, without the effects.
    enter: "",
    leave: "
        UPDATE {table} SET state = 'done', ended_at = {now}, worker = NULL, token = NULL, error = NULL
        WHERE number = $1 AND token = $2 AND state = 'running'
            AND current_setting('tower_svix.attempt', TRUE) = 'open'",
    is_inside: "SELECT (current_setting('tower_svix.attempt', TRUE) IS NOT DISTINCT FROM 'open')::INT::BIGINT",
    reset: "",

    // $1 number.
    look: "SELECT state FROM {table} WHERE number = $1",

    // $1 number to start after, $2 limit, $3 id of the event, or NULL for any. `list` fills in `{in_state}`.
    list: "
        SELECT number, tenant, id, type, state, attempts, error, octet_length(payload)::BIGINT,
            (extract(epoch FROM received_at) * 1000)::BIGINT, (extract(epoch FROM due_at) * 1000)::BIGINT,
            (extract(epoch FROM ended_at) * 1000)::BIGINT
        FROM {table}
        WHERE number > $1 AND ($3::TEXT IS NULL OR id = $3) {in_state}
        ORDER BY number LIMIT $2",
    payload: "SELECT payload FROM {table} WHERE number = $1",

    // Returns the state, the number of events, and the age of the oldest in milliseconds.
    counts: "
        SELECT state, count(*), (extract(epoch FROM {now} - min(received_at)) * 1000)::BIGINT
        FROM {table} GROUP BY state",
    // The same without done events, which may be many.
    depth: "
        SELECT state, count(*), (extract(epoch FROM {now} - min(received_at)) * 1000)::BIGINT
        FROM {table} WHERE state = 'pending' GROUP BY state
        UNION ALL
        SELECT state, count(*), (extract(epoch FROM {now} - min(received_at)) * 1000)::BIGINT
        FROM {table} WHERE state = 'running' GROUP BY state
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

    // $1 retention in milliseconds, $2 limit.
    delete_done: "
        DELETE FROM {table} WHERE number IN (
            SELECT number FROM {table}
            WHERE state = 'done' AND ended_at <= {now} - $1 * INTERVAL '1 millisecond'
            LIMIT $2 FOR UPDATE SKIP LOCKED
        )",
    delete_dead: "
        DELETE FROM {table} WHERE number IN (
            SELECT number FROM {table}
            WHERE state = 'dead' AND ended_at <= {now} - $1 * INTERVAL '1 millisecond'
            LIMIT $2 FOR UPDATE SKIP LOCKED
        )",
};
