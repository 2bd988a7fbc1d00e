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

    /// Returns the error for more waiting events than the database can store in time.
    pub(crate) fn overloaded() -> Self {
        Self {
            cause: Cause::Overloaded,
        }
    }

    /// Returns an error that several deliveries share.
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

    /// Returns whether the statement conflicted with a concurrent one: at a unique index, in a deadlock, or because of
    /// the order of the transactions. Nothing was changed, and the same statement may now succeed.
    pub(crate) fn is_conflict(&self) -> bool {
        let Cause::Sqlx(sqlx::Error::Database(error)) = &self.cause else {
            return false;
        };
        let code = error.code();
        error.is_unique_violation() || code.is_some_and(|code| SERIALIZATION.contains(&&*code))
    }

    /// Returns whether the statement certainly failed, because the database answered with an error.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self.cause, Cause::Sqlx(sqlx::Error::Database(_)))
    }

    /// Returns whether the database was unavailable, in contrast to a statement that it rejected.
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

/// Deadlocks and serialisation failures.
const SERIALIZATION: [&str; 2] = ["40P01", "40001"];

/// Returns whether a code means that the database is unavailable. Codes of Postgres have five characters: these are for
/// concurrency, connections, resources, and the intervention of an operator. Codes of `SQLite` are numbers, whose
/// lowest byte tells that the file is busy or locked, cannot be read or written, or is full.
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

/// Omits the row, which the `Debug` of `sqlx` shows.
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
