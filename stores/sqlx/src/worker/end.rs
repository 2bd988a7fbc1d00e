//! The end of a handler, and the values that identify an attempt.

use std::any::Any;

use tower_svix::idempotency::ClaimToken;

use super::failure::BoxError;
use super::verdict::Verdict;
use crate::database_error::DatabaseError;
use crate::engine::Value;
use crate::inbox::StoredEvent;

/// The end of a handler.
pub(super) enum End {
    /// It succeeded, which must still be written.
    Succeeded,
    /// It succeeded, which was written.
    Committed,
    /// It failed, which must still be written.
    Failed(Verdict),
    /// It failed, which was written.
    Recorded(Verdict),
    /// The database failed before the handler began, or after it succeeded. This is not a failure of the handler.
    Interrupted(DatabaseError),
    /// Another worker has the event, or it was forgotten.
    Superseded,
    /// The worker stops.
    Stopped,
}

/// Returns the values of a statement that changes a claimed event: first the number and the token, then `values`.
pub(super) fn fenced<'a>(
    event: &StoredEvent,
    token: &'a ClaimToken,
    values: &[Value<'a>],
) -> Vec<Value<'a>> {
    let mut all = vec![Value::Int(event.number()), Value::Bytes(token.as_bytes())];
    all.extend(values);
    all
}

/// Returns the message of a panic as an error.
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
