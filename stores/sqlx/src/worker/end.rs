//! How a handler ends, and what an attempt is known by.

use std::any::Any;

use tower_svix::idempotency::ClaimToken;

use super::failure::BoxError;
use super::verdict::Verdict;
use crate::database_error::DatabaseError;
use crate::engine::Value;
use crate::inbox::StoredEvent;

/// How the handler ended.
pub(super) enum End {
    /// It succeeded, which is to be written down.
    Succeeded,
    /// It succeeded, which is written down.
    Committed,
    /// It failed, which is to be written down.
    Failed(Verdict),
    /// It failed, which is written down.
    Recorded(Verdict),
    /// The database failed before the handler began, or after it succeeded: that is no failure of the handler.
    Interrupted(DatabaseError),
    /// The event is another worker's, or forgotten.
    Superseded,
    /// The worker stops.
    Stopped,
}

/// What every statement begins with that changes an event of ours.
pub(super) fn fenced<'a>(
    event: &StoredEvent,
    token: &'a ClaimToken,
    values: &[Value<'a>],
) -> Vec<Value<'a>> {
    let mut all = vec![Value::Int(event.number()), Value::Bytes(token.as_bytes())];
    all.extend(values);
    all
}

/// What a panic says.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> BoxError {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    match text {
        Some(text) => format!("the handler panicked: {text}").into(),
        None => "the handler panicked".into(),
    }
}
