//! The error of a database.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tower_svix::idempotency::StoreError;

use crate::table::TableName;

/// The error for a database that failed, or did not answer within the timeout.
///
/// The requested change may still have been made. Neither `Display` nor `Debug` shows the values of a row.
pub struct DatabaseError {
    pub(crate) cause: Cause,
}

pub(crate) enum Cause {
    TimedOut,
    Overloaded,
    Shared(Arc<DatabaseError>),
    Sqlx(sqlx::Error),
    AnotherTable {
        table: TableName,
        column: &'static str,
    },
    Randomness(tower_svix::RandomnessUnavailable),
}

impl DatabaseError {
    pub(crate) fn timed_out() -> Self {
        Self {
            cause: Cause::TimedOut,
        }
    }

    /// More wait for the database than it can answer in time.
    pub(crate) fn overloaded() -> Self {
        Self {
            cause: Cause::Overloaded,
        }
    }

    /// The same error, told to several.
    pub(crate) fn shared(error: Arc<Self>) -> Self {
        Self {
            cause: Cause::Shared(error),
        }
    }

    /// Whether the database did not answer in time. The wait for a connection of the pool counts.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match &self.cause {
            Cause::TimedOut | Cause::Overloaded | Cause::Sqlx(sqlx::Error::PoolTimedOut) => true,
            Cause::Shared(error) => error.is_timeout(),
            Cause::Sqlx(_) | Cause::AnotherTable { .. } | Cause::Randomness(_) => false,
        }
    }

    /// Whether a unique index, or the order in which the database runs what is concurrent, kept a statement from doing what
    /// another has just done. Nothing was changed, and the same statement may succeed now.
    pub(crate) fn is_conflict(&self) -> bool {
        let Cause::Sqlx(sqlx::Error::Database(error)) = &self.cause else {
            return false;
        };
        let code = error.code();
        error.is_unique_violation() || code.is_some_and(|code| SERIALIZATION.contains(&&*code))
    }

    /// Whether the statement failed for certain, as the database said.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self.cause, Cause::Sqlx(sqlx::Error::Database(_)))
    }

    /// Whether the database was not available, rather than that it did not like what it was asked for.
    pub(crate) fn is_unavailable(&self) -> bool {
        match &self.cause {
            Cause::Sqlx(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| says_unavailable(&code))
            }
            Cause::TimedOut | Cause::Overloaded | Cause::Sqlx(_) | Cause::Randomness(_) => true,
            Cause::Shared(error) => error.is_unavailable(),
            Cause::AnotherTable { .. } => false,
        }
    }
}

/// A deadlock, and what is not serializable.
const SERIALIZATION: [&str; 2] = ["40P01", "40001"];

/// Codes of Postgres have five characters: what is concurrent, connections, resources, and an operator who intervenes. Those of
/// `SQLite` are numbers, whose lowest byte says that the file is busy or locked, cannot be read or written, or is full.
fn says_unavailable(code: &str) -> bool {
    match code.parse::<u32>() {
        Ok(number) if code.len() != 5 => matches!(number & 0xff, 5 | 6 | 10 | 13 | 14),
        _ => ["40", "08", "53", "57"]
            .iter()
            .any(|class| code.starts_with(class)),
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        Self {
            cause: Cause::Sqlx(error),
        }
    }
}

impl From<tower_svix::RandomnessUnavailable> for DatabaseError {
    fn from(error: tower_svix::RandomnessUnavailable) -> Self {
        Self {
            cause: Cause::Randomness(error),
        }
    }
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        Self::new(error)
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::TimedOut => f.write_str("the database did not answer in time"),
            Cause::Overloaded => f.write_str("too many events wait for the database"),
            Cause::Shared(error) => error.fmt(f),
            Cause::Sqlx(error) => write!(f, "the database failed: {error}"),
            Cause::AnotherTable { table, column } => write!(
                f,
                "the table {table} has no column `{column}`: it was made by another version of this crate, or is another table"
            ),
            Cause::Randomness(error) => error.fmt(f),
        }
    }
}

/// That of `sqlx` shows the row that the database did not take.
impl fmt::Debug for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatabaseError")
            .field(&format_args!("{self}"))
            .finish()
    }
}

impl Error for DatabaseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Sqlx(sqlx::Error::Io(error)) => Some(error),
            Cause::Shared(error) => error.source(),
            _ => None,
        }
    }
}
