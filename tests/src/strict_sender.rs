//! A sender that takes every response except a 5xx for final, as Zapier and Higgsfield do.

use http::StatusCode;

/// The conclusion that the sender draws from an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The event counts as delivered.
    Delivered,
    /// It will try again.
    Again,
    /// It will not try again. If the event was not processed before, it is lost.
    GivenUp,
}

impl Verdict {
    /// Returns the conclusion. `None`: there was no response, or none in time.
    pub fn on(answer: Option<StatusCode>) -> Self {
        match answer {
            Some(status) if status.is_success() => Self::Delivered,
            Some(status) if !status.is_server_error() => Self::GivenUp,
            Some(_) | None => Self::Again,
        }
    }
}
