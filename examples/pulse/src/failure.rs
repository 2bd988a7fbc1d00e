//! The errors of the handler.

use std::io;

use tower_svix_sqlx::worker::{self, BoxError};

use crate::api::ApiError;
use crate::printable::printable;

/// The error of a failed attempt. Its text and that of its source go into the table and the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("the result cannot be read or written")]
    File(#[from] io::Error),
    #[error("Pulse says that the job is {}", printable(.0))]
    NotFinished(String),
    #[error("{0}")]
    Permanent(String),
}

impl Failure {
    /// Returns the error that tells the worker whether and when to retry.
    pub(crate) fn into_error(self) -> BoxError {
        match &self {
            Self::Permanent(_) => worker::Failure::permanent(self).into(),
            Self::Api(error) if !error.is_transient() => worker::Failure::permanent(self).into(),
            Self::Api(error) => match error.retry_after() {
                Some(pause) => worker::Failure::retry_after(self, pause).into(),
                None => self.into(),
            },
            Self::Database(_) | Self::File(_) | Self::NotFinished(_) => self.into(),
        }
    }
}
