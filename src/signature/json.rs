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
    /// struct Job<'a> {
    ///     #[serde(rename = "type")]
    ///     event_type: &'a str,
    /// }
    ///
    /// fn print(event: &VerifiedEvent) -> Result<(), PayloadError> {
    ///     let job: Job<'_> = event.json()?;
    ///     println!("{}: {}", event.id(), job.event_type);
    ///     Ok(())
    /// }
    /// ```
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, PayloadError> {
        serde_json::from_slice(self.payload()).map_err(|error| PayloadError::new(&error))
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
/// Tells where, but never repeats what stands there. Lines and columns count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// The payload is not JSON.
    Syntax {
        /// The line of the first byte that is not JSON.
        line: usize,
        /// The column of that byte.
        column: usize,
    },
    /// The payload is JSON, but of another shape: a field is missing, or of another type.
    Shape {
        /// The line on which the mismatch was noticed.
        line: usize,
        /// The column at which it was noticed.
        column: usize,
    },
}

impl PayloadError {
    fn new(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Data => Self::Shape { line, column },
            Category::Syntax | Category::Eof | Category::Io => Self::Syntax { line, column },
        }
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column } => {
                write!(f, "the payload is not JSON at line {line}, column {column}")
            }
            Self::Shape { line, column } => {
                write!(
                    f,
                    "the payload does not have the expected shape at line {line}, column {column}"
                )
            }
        }
    }
}

impl Error for PayloadError {}
