//! Names that are safe in a statement.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A statement with its names filled in.
pub(crate) type Sql = Arc<str>;

/// The name of a table, as `table` or `schema.table`.
///
/// Each part has up to 40 ASCII letters, digits and underscores, and does not begin with a digit. Names are quoted, so that
/// upper case is kept. Without a schema, Postgres uses the first of its `search_path`, and `SQLite` the main file. In `SQLite`,
/// a schema is the name of an attached file. The effects of [`Worker::transactional`](crate::Worker::transactional) must then
/// be in that file.
///
/// # Example
///
/// ```
/// use tower_svix_sqlx::TableName;
///
/// let name: TableName = "billing.webhook_inbox".parse()?;
/// assert_eq!(name.to_string(), "billing.webhook_inbox");
/// assert!("webhooks; DROP TABLE users".parse::<TableName>().is_err());
/// # Ok::<_, tower_svix_sqlx::TableNameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TableName {
    schema: Option<Arc<str>>,
    table: Arc<str>,
}

impl TableName {
    /// The maximum length of a part, in bytes. Postgres cuts names after 63 bytes, and names of indices are longer than
    /// that of their table.
    const MAX_LEN: usize = 40;

    /// Returns a name from the code of this crate.
    pub(crate) fn fixed(table: &'static str) -> Self {
        debug_assert!(is_valid(table));
        Self {
            schema: None,
            table: table.into(),
        }
    }

    /// Fills in a statement: `{table}`, `{schema.}`, `{schema}`, `{schema_or_null}` and `{name}` stand for the whole
    /// name and its parts, and `{now}` for the time.
    pub(crate) fn fill(&self, template: &str, now: &str) -> Sql {
        let schema = match &self.schema {
            Some(schema) => format!("\"{schema}\"."),
            None => String::new(),
        };
        let schema_or_null = match &self.schema {
            Some(schema) => format!("'{schema}'"),
            None => "NULL".to_owned(),
        };
        template
            .replace("{table}", &format!("{schema}\"{}\"", self.table))
            .replace("{schema.}", &schema)
            .replace("{schema}", self.schema.as_deref().unwrap_or_default())
            .replace("{schema_or_null}", &schema_or_null)
            .replace("{name}", &self.table)
            .replace("{now}", now)
            .into()
    }

    pub(crate) fn has_schema(&self) -> bool {
        self.schema.is_some()
    }
}

impl FromStr for TableName {
    type Err = TableNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (schema, table) = match text.split_once('.') {
            Some((schema, table)) => (Some(schema), table),
            None => (None, text),
        };
        if !is_valid(table) || schema.is_some_and(|schema| !is_valid(schema)) {
            return Err(TableNameError { _private: () });
        }
        Ok(Self {
            schema: schema.map(Into::into),
            table: table.into(),
        })
    }
}

fn is_valid(part: &str) -> bool {
    let is_start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    part.len() <= TableName::MAX_LEN
        && part.bytes().next().is_some_and(is_start)
        && part
            .bytes()
            .all(|byte| is_start(byte) || byte.is_ascii_digit())
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.table)
    }
}

impl fmt::Debug for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TableName").field(&self.to_string()).finish()
    }
}

/// The error for a text that is not the [name of a table](TableName).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableNameError {
    _private: (),
}

impl fmt::Display for TableNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a table is named as `table` or `schema.table`, each of up to {} ASCII letters, digits and underscores",
            TableName::MAX_LEN
        )
    }
}

impl Error for TableNameError {}
