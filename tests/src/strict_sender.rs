//! A sender for which any answer but a 5xx is final, as it is for Zapier and Higgsfield.

use http::StatusCode;

/// What such a sender makes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The event counts as delivered.
    Delivered,
    /// There will be another attempt.
    Again,
    /// There will be none: if the event was not processed by now, it is lost.
    GivenUp,
}

impl Verdict {
    /// `None`: there was no answer in time, or none at all.
    pub fn on(answer: Option<StatusCode>) -> Self {
        match answer {
            Some(status) if status.is_success() => Self::Delivered,
            Some(status) if !status.is_server_error() => Self::GivenUp,
            Some(_) | None => Self::Again,
        }
    }
}
