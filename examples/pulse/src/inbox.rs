//! The durable inbox between the receiver and the worker.

use serde_json::Value;
use sqlx::Pool;
use tower_svix_sqlx::{Engine, Inbox};

/// Returns the inbox of a database. Events of one job are processed one after another.
pub fn open<DB: Engine>(pool: Pool<DB>) -> Inbox<DB> {
    Inbox::new(pool).order_by_key(|event| job_of(event.payload()))
}

/// Returns the id of the payload's job, even if the rest of the payload has an unknown form.
fn job_of(payload: &[u8]) -> Option<String> {
    let payload: Value = serde_json::from_slice(payload).ok()?;
    Some(payload.pointer("/data/job_id")?.as_str()?.to_owned())
}
