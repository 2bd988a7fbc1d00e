//! The table of jobs, with the latest status of each and the file of its result.

use std::path::Path;

use sqlx::{FromRow, raw_sql};
use tower_svix_pulse::JobStatus;

use crate::database::{Database, with_pool};
use crate::printable::without_urls;

const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS pulse_jobs (
        job_id     TEXT PRIMARY KEY,
        status     TEXT NOT NULL,
        progress   BIGINT NOT NULL,
        as_of      BIGINT NOT NULL,
        error      TEXT,
        result     TEXT
    )";
/// If several processes start at once, one creates the table, and the others wait for the end of its transaction.
const LOCK: &str = "SELECT pg_advisory_xact_lock(3462016271)";

/// The table of jobs.
#[derive(Clone)]
pub struct Jobs {
    database: Database,
}

/// A row of the table.
#[derive(Clone, Debug, FromRow, PartialEq)]
pub struct Job {
    pub job_id: String,
    /// The latest status that Pulse sent.
    pub status: String,
    /// The reason of a failure, if Pulse sent one.
    pub error: Option<String>,
    /// The file of the result.
    pub result: Option<String>,
}

pub(crate) async fn migrate(database: &Database) -> Result<(), sqlx::Error> {
    match database {
        // The caller has the lock of the file.
        Database::Sqlite(pool) => raw_sql(TABLE).execute(pool).await.map(drop),
        Database::Postgres(pool) => {
            let mut transaction = pool.begin().await?;
            raw_sql(LOCK).execute(&mut *transaction).await?;
            raw_sql(TABLE).execute(&mut *transaction).await?;
            transaction.commit().await
        }
    }
}

impl Jobs {
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Records the status of a job at the time `as_of`, in milliseconds since 1970.
    ///
    /// Events may arrive late and in any order, so a finished job never becomes unfinished.
    pub async fn observe(
        &self,
        job_id: &str,
        status: &JobStatus,
        as_of: i64,
        error: Option<&str>,
    ) -> Result<(), sqlx::Error> {
        let (status, progress) = match status {
            JobStatus::Pending => ("pending", 0),
            JobStatus::Processing => ("processing", 1),
            JobStatus::Completed => ("completed", 2),
            JobStatus::Failed => ("failed", 2),
            JobStatus::Cancelled => ("cancelled", 2),
            // Pulse may add a status, whose order is unknown.
            JobStatus::Other(status) => (status.as_str(), 0),
            _ => ("unknown", 0),
        };
        let sql = "
            INSERT INTO pulse_jobs AS known (job_id, status, progress, as_of, error)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (job_id) DO UPDATE
            SET status = excluded.status, progress = excluded.progress, as_of = excluded.as_of, error = excluded.error
            WHERE (known.progress, known.as_of) < (excluded.progress, excluded.as_of)";
        with_pool!(&self.database, pool => sqlx::query(sql)
            .bind(storable(job_id))
            .bind(storable(status))
            .bind(progress)
            .bind(as_of)
            .bind(error.map(|error| storable(&without_urls(error))))
            .execute(pool)
            .await
            .map(drop))
    }

    /// Records that the result is in `file`.
    pub async fn stored(&self, job_id: &str, file: &Path) -> Result<(), sqlx::Error> {
        let sql = "UPDATE pulse_jobs SET result = $2 WHERE job_id = $1";
        with_pool!(&self.database, pool => sqlx::query(sql)
            .bind(job_id)
            .bind(file.to_string_lossy())
            .execute(pool)
            .await
            .map(drop))
    }

    pub async fn get(&self, job_id: &str) -> Result<Option<Job>, sqlx::Error> {
        let sql = "SELECT job_id, status, error, result FROM pulse_jobs WHERE job_id = $1";
        with_pool!(&self.database, pool => sqlx::query_as(sql).bind(job_id).fetch_optional(pool).await)
    }

    /// Returns all jobs, the most recently changed first.
    pub async fn list(&self) -> Result<Vec<Job>, sqlx::Error> {
        let sql =
            "SELECT job_id, status, error, result FROM pulse_jobs ORDER BY as_of DESC, job_id";
        with_pool!(&self.database, pool => sqlx::query_as(sql).fetch_all(pool).await)
    }
}

/// Replaces NUL, which Postgres does not accept in a text.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
