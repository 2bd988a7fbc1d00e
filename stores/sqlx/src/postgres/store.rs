//! The statements of a store on Postgres.

use super::{COLUMNS, CREATE_SCHEMA, LOCK};
use crate::engine::StoreSql;

pub(super) const STORE: StoreSql<&str> = StoreSql {
    columns: COLUMNS,
    lock: LOCK,
    create_schema: CREATE_SCHEMA,

    // The key is the SHA-256 of an event's key, because an index accepts at most 2,700 bytes of text. A row without a
    // fingerprint is an event that is being processed.
    create: "
        CREATE TABLE {table} (
            key BYTEA PRIMARY KEY,
            token BYTEA NOT NULL,
            fingerprint BYTEA,
            expires_at TIMESTAMPTZ NOT NULL
        );
        CREATE INDEX \"{name}_expires_at\" ON {table} (expires_at);",

    // $1 key, $2 token, $3 lease in milliseconds. Returns the resulting row, which may have another token.
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

    // $1 key, $2 token. Returns whether the event is still claimed with another token, or completed.
    release: "
        UPDATE {table} SET expires_at = CASE
            WHEN token = $2 AND fingerprint IS NULL THEN LEAST(expires_at, {now}) ELSE expires_at END
        WHERE key = $1
        RETURNING (expires_at > {now})::INT::BIGINT",

    // $1 key. Expired events count as absent.
    forget: "DELETE FROM {table} WHERE key = $1 RETURNING (expires_at > {now})::INT::BIGINT",

    // $1 limit.
    delete_expired: "
        DELETE FROM {table} WHERE key IN (
            SELECT key FROM {table} WHERE expires_at <= {now}
            LIMIT $1 FOR UPDATE SKIP LOCKED
        )",
};
