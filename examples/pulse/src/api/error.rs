//! The errors of the client of Pulse's API.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::StatusCode;

use super::public::NotPublic;
use crate::printable::{printable, without_urls};

/// The error of a request to Pulse's API.
///
/// Its texts contain no URLs, because the URL of a large result has a signature with which anyone can download the
/// result.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("Pulse answered {status}: {message}")]
    Status {
        status: StatusCode,
        message: String,
        retry_after: Option<Duration>,
    },
    #[error("the large result is not at Pulse, and from there {status} was answered")]
    Elsewhere {
        status: StatusCode,
        retry_after: Option<Duration>,
    },
    #[error("there was no answer: {}", chain(.0))]
    Transport(reqwest::Error),
    #[error("Pulse's answer is not what its documentation says: {0}")]
    Unexpected(Position),
    #[error("Pulse's answer is longer than {0} bytes")]
    TooLong(u64),
    #[error("the large result is not fetched: {0}")]
    Forbidden(Forbidden),
    #[error("{}: {error}", path.display())]
    File {
        path: PathBuf,
        error: std::io::Error,
    },
}

/// The reason not to fetch a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    #[error("its URL is not https")]
    NotHttps,
    #[error(transparent)]
    NotPublic(#[from] NotPublic),
    #[error("it is redirected too often")]
    TooManyRedirects,
}

/// The place of an error in a JSON document. Unlike the message of `serde_json`, it repeats nothing of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    line: usize,
    column: usize,
    /// The name of a missing field, which is from our code.
    missing: Option<String>,
}

impl Position {
    pub fn of(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let missing = text.strip_prefix("missing field `");
        let missing = missing.and_then(|rest| rest.split('`').next());
        Self {
            line: error.line(),
            column: error.column(),
            missing: missing.map(str::to_owned),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.missing {
            Some(name) => write!(f, "the field `{name}` is missing"),
            None => f.write_str("it is not as expected"),
        }?;
        write!(f, " at line {}, column {}", self.line, self.column)
    }
}

impl ApiError {
    /// Returns whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } | Self::Elsewhere { status, .. } => {
                status.is_server_error()
                    || *status == StatusCode::TOO_MANY_REQUESTS
                    || *status == StatusCode::REQUEST_TIMEOUT
            }
            Self::Transport(error) => !error.is_builder(),
            Self::Unexpected(_) | Self::TooLong(_) | Self::Forbidden(_) | Self::File { .. } => {
                false
            }
        }
    }

    /// Returns whether the requested resource is permanently gone.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Status { status, .. } if *status == StatusCode::GONE)
    }

    /// Returns the pause that Pulse asks for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } | Self::Elsewhere { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    pub(super) fn surely_not_taken(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Transport(error) => error.is_connect(),
            _ => false,
        }
    }

    /// Returns the error message of the API, in one line and without URLs.
    pub(super) fn message(body: &[u8]) -> String {
        let text = without_urls(&String::from_utf8_lossy(body));
        let message: String = text.chars().take(500).collect();
        printable(&message)
    }
}

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        match not_public(&error) {
            Some(error) => Forbidden::from(error).into(),
            None => Self::Transport(error.without_url()),
        }
    }
}

impl From<Forbidden> for ApiError {
    fn from(error: Forbidden) -> Self {
        Self::Forbidden(error)
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unexpected(Position::of(&error))
    }
}

/// Returns the error of the resolver for public addresses, if it is the cause.
fn not_public(error: &reqwest::Error) -> Option<NotPublic> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<NotPublic>() {
            return Some(*error);
        }
        cause = error.source();
    }
    None
}

/// Appends the cause, which reqwest's message omits.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
