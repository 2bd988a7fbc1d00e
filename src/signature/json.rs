//! The payload of a verified event as JSON.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::DeserializeSeed;
use serde_json::error::Category;

use super::event::VerifiedEvent;
use super::json_pointer::{JsonPointer, TextAt};

impl VerifiedEvent {
    /// Parses the payload as JSON.
    ///
    /// # Errors
    ///
    /// Returns a [`PayloadError`] if the payload is not JSON, or does not match `T`.
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
        self.read(PhantomData)
    }

    /// Returns the payload's top-level `type`, such as `job.completed`.
    ///
    /// Some senders have it in another place: see [`event_type_at`](Self::event_type_at).
    ///
    /// # Errors
    ///
    /// Returns a [`PayloadError`] if the payload is not a JSON object with a string of that name.
    ///
    /// # Example
    ///
    /// ```
    /// use tower_svix::{PayloadError, VerifiedEvent};
    ///
    /// fn handle(event: &VerifiedEvent) -> Result<(), PayloadError> {
    ///     match &*event.event_type()? {
    ///         "job.completed" => println!("completed"),
    ///         other => println!("ignored: {other}"),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn event_type(&self) -> Result<Cow<'_, str>, PayloadError> {
        self.text_at(&JsonPointer::TYPE)
    }

    /// Returns the type of an event from another place than the top-level `type`: the string that a JSON pointer
    /// ([RFC 6901]) leads to, such as `/data/type` (Anthropic), `/event_type` (Etsy) or `/category` (Increase).
    ///
    /// # Errors
    ///
    /// Returns a [`PayloadError`] if the payload is not JSON, or if there is no string at that place. A duplicate key
    /// on the path is also an error, because parsers differ on which of them counts. Returns
    /// [`PayloadError::InvalidPointer`] if `pointer` is not empty and does not start with a slash.
    ///
    /// # Example
    ///
    /// ```
    /// use tower_svix::VerifiedEvent;
    ///
    /// fn is_interesting(event: &VerifiedEvent) -> bool {
    ///     event.event_type_at("/data/type").is_ok_and(|event_type| event_type == "session.status_idled")
    /// }
    /// ```
    ///
    /// [RFC 6901]: https://www.rfc-editor.org/rfc/rfc6901
    pub fn event_type_at(&self, pointer: &str) -> Result<Cow<'_, str>, PayloadError> {
        let pointer = JsonPointer::parse(pointer).ok_or(PayloadError::InvalidPointer)?;
        self.text_at(&pointer)
    }

    pub(crate) fn text_at(&self, pointer: &JsonPointer<'_>) -> Result<Cow<'_, str>, PayloadError> {
        self.read(TextAt::new(pointer))
    }

    fn read<'a, S: DeserializeSeed<'a>>(&'a self, seed: S) -> Result<S::Value, PayloadError> {
        let mut json = serde_json::Deserializer::from_slice(self.payload());
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
        let value = seed
            .deserialize(tracked)
            .map_err(|error| PayloadError::new(&error, track.path().to_string()))?;
        json.end().map_err(|error| PayloadError::Syntax {
            line: error.line(),
            column: error.column(),
        })?;
        Ok(value)
    }
}

/// The reason why the payload of a verified event could not be read.
///
/// The delivery is valid, but its payload is not what the receiver expects: compare the type that the receiver parses
/// with the sender's documentation. See [`VerifiedEvent::json`] for an example.
///
/// The error tells the place, but never repeats a value from there. The path may contain keys of the payload, where a
/// map is expected. Lines and columns count from 1.
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
        /// The line where the object without the field ends.
        line: usize,
        /// The column where that object ends.
        column: usize,
    },
    /// The payload is JSON, but has another shape: a field has another type, or is not expected.
    Shape {
        /// The path to the field, such as `data.job_id`, or `.` for the payload itself.
        path: String,
        /// The line where the mismatch was noticed.
        line: usize,
        /// The column where it was noticed.
        column: usize,
    },
    /// The argument of [`VerifiedEvent::event_type_at`] is not a JSON pointer: it is not empty, and does not start with
    /// a slash. The payload was not read.
    InvalidPointer,
}

impl PayloadError {
    /// Returns the stable, machine-readable name of this error, such as `payload-mismatch`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "payload-not-json",
            Self::MissingField { .. } | Self::Shape { .. } => "payload-mismatch",
            Self::InvalidPointer => "pointer-invalid",
        }
    }

    fn new(error: &serde_json::Error, path: String) -> Self {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Data => Self::data(error, path),
            Category::Syntax | Category::Eof | Category::Io => Self::Syntax { line, column },
        }
    }

    fn data(error: &serde_json::Error, path: String) -> Self {
        let (line, column) = (error.line(), error.column());
        // The name is that of a field of the receiver's type. Nothing else is taken from a message, because other
        // messages repeat values of the payload.
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
            Self::InvalidPointer => f.write_str("a JSON pointer starts with a slash"),
        }
    }
}

impl Error for PayloadError {}
