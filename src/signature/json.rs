//! The payload of a verified event as JSON.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use serde::Deserialize;
use serde_json::error::Category;

use super::event::VerifiedEvent;

impl VerifiedEvent {
    /// Parses the payload as JSON.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] if the payload is not JSON, or does not fit `T`.
    ///
    /// # Example
    ///
    /// ```
    /// use serde::Deserialize;
    /// use tower_svix::{PayloadError, VerifiedEvent};
    ///
    /// #[derive(Deserialize)]
    /// struct Job {
    ///     #[serde(rename = "type")]
    ///     event_type: String,
    /// }
    ///
    /// fn print(event: &VerifiedEvent) -> Result<(), PayloadError> {
    ///     let job: Job = event.json()?;
    ///     println!("{}: {}", event.id(), job.event_type);
    ///     Ok(())
    /// }
    /// ```
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, PayloadError> {
        let mut json = serde_json::Deserializer::from_slice(self.payload());
        let value = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| PayloadError::new(&error))?;
        json.end().map_err(|error| PayloadError::Syntax {
            line: error.line(),
            column: error.column(),
        })?;
        Ok(value)
    }

    /// The payload's top-level `type`, such as `job.completed`.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] if the payload is not a JSON object with a string of that name.
    pub fn event_type(&self) -> Result<Cow<'_, str>, PayloadError> {
        #[derive(Deserialize)]
        struct Typed<'a> {
            #[serde(rename = "type", borrow)]
            event_type: Cow<'a, str>,
        }
        self.json().map(|Typed { event_type }| event_type)
    }
}

/// Why a verified payload could not be read: it is genuine, but not what the receiver expects.
///
/// Tells where, but never repeats a value that stands there. The path may hold keys of the payload, where a map is
/// expected. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// The payload is not JSON.
    Syntax {
        /// The line of the first byte that is not JSON.
        line: usize,
        /// The column of that byte.
        column: usize,
    },
    /// The payload is JSON, but this field is missing.
    MissingField {
        /// The path to the field, such as `data.job_id`.
        path: String,
        /// The line at which the object ends that should have it.
        line: usize,
        /// The column at which that object ends.
        column: usize,
    },
    /// The payload is JSON, but of another shape: a field is of another type, or is not expected.
    Shape {
        /// The field, as the path to it, such as `data.job_id`; `.` is the payload itself.
        path: String,
        /// The line on which the mismatch was noticed.
        line: usize,
        /// The column at which it was noticed.
        column: usize,
    },
}

impl PayloadError {
    /// The stable, machine-readable name of this cause.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "payload-not-json",
            Self::MissingField { .. } | Self::Shape { .. } => "payload-mismatch",
        }
    }

    fn new(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let (line, column) = (error.inner().line(), error.inner().column());
        match error.inner().classify() {
            Category::Data => Self::data(error.inner(), error.path().to_string(), line, column),
            Category::Syntax | Category::Eof | Category::Io => Self::Syntax { line, column },
        }
    }
}

impl PayloadError {
    fn data(error: &serde_json::Error, path: String, line: usize, column: usize) -> Self {
        // The name is the receiver's own. Nothing else is taken from such a message: others repeat what stands there.
        let message = error.to_string();
        let name = message
            .strip_prefix("missing field `")
            .and_then(|rest| rest.split_once('`'));
        match name {
            Some((name, _)) if path == "." => Self::MissingField {
                path: name.to_owned(),
                line,
                column,
            },
            Some((name, _)) => Self::MissingField {
                path: format!("{path}.{name}"),
                line,
                column,
            },
            None => Self::Shape { path, line, column },
        }
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column } => {
                write!(f, "the payload is not JSON at line {line}, column {column}")
            }
            Self::MissingField { path, line, column } => {
                write!(
                    f,
                    "the payload has no field `{path}`, which is expected (line {line}, column {column})"
                )
            }
            Self::Shape { path, line, column } => {
                write!(
                    f,
                    "the payload does not have the expected shape at `{path}` (line {line}, column {column})"
                )
            }
        }
    }
}

impl Error for PayloadError {}
