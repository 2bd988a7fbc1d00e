//! An error of a handler that decides what follows.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// An error of a handler that says when to try again, or that every further attempt would fail.
///
/// A handler can return any error. If the error or one of its [sources](Error::source) is a `Failure`, it decides what
/// follows.
///
/// ```
/// use std::time::Duration;
/// use tower_svix_sqlx::inbox::StoredEvent;
/// use tower_svix_sqlx::worker::{BoxError, Failure};
///
/// async fn process(event: StoredEvent) -> Result<(), BoxError> {
///     let payload: serde_json::Value =
///         serde_json::from_slice(event.payload()).map_err(Failure::permanent)?;
///     if payload["data"].is_null() {
///         return Err(Failure::retry_after("no data yet", Duration::from_secs(60)).into());
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Failure {
    cause: BoxError,
    next: Next,
}

/// The consequence of a failed attempt.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    AfterPause,
    NotBefore(Duration),
    Never,
}

impl Failure {
    /// Returns a failure after which the event is dead at once, because every further attempt would fail.
    pub fn permanent(cause: impl Into<BoxError>) -> Self {
        Self {
            cause: cause.into(),
            next: Next::Never,
        }
    }

    /// Returns a failure after which the next attempt follows after `pause` at the earliest, for example because a server
    /// answered with `Retry-After`.
    pub fn retry_after(cause: impl Into<BoxError>, pause: Duration) -> Self {
        Self {
            cause: cause.into(),
            next: Next::NotBefore(pause),
        }
    }

    pub(super) fn next(error: &BoxError) -> Next {
        let mut cause: &(dyn Error + 'static) = &**error;
        for _ in 0..MAX_SOURCES {
            if let Some(failure) = cause.downcast_ref::<Self>() {
                return failure.next;
            }
            match cause.source() {
                Some(source) => cause = source,
                None => break,
            }
        }
        Next::AfterPause
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

/// The maximum number of sources. A longer chain is most likely a circle.
const MAX_SOURCES: usize = 16;
/// The maximum length of the text of an error, in bytes.
const MAX_LEN: usize = 2000;

/// Returns the text of an error and its sources, for the table.
pub(super) fn text(error: &BoxError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    for _ in 0..MAX_SOURCES {
        let Some(error) = source else {
            break;
        };
        text = format!("{text}: {error}");
        source = error.source();
    }
    let mut end = text.len().min(MAX_LEN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    // Postgres does not accept NUL.
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_has_no_nul() {
        let error: BoxError = format!("\0{}", "\u{e9}".repeat(MAX_LEN)).into();
        let text = text(&error);
        assert!(text.len() <= MAX_LEN + 2, "{}", text.len());
        assert!(text.starts_with("\u{fffd}\u{e9}"));
    }
}
