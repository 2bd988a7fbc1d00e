//! What is known of each job: what Pulse says of it, and what became of its result here.

use std::path::Path;

use apalis_sqlite::SqlitePool;
use sqlx::FromRow;
use tower_svix_pulse::JobStatus;

pub(crate) const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS pulse_jobs (
        job_id     TEXT PRIMARY KEY,
        status     TEXT NOT NULL,
        progress   INTEGER NOT NULL,
        as_of      INTEGER NOT NULL,
        error      TEXT,
        result     TEXT,
        problem    TEXT,
        given_up   INTEGER NOT NULL DEFAULT FALSE
    )";

/// The table of jobs.
#[derive(Clone, Debug)]
pub struct Jobs {
    pool: SqlitePool,
}

/// A row of the table.
#[derive(Clone, Debug, FromRow, PartialEq)]
pub struct Job {
    /// For an event that cannot be read and names no job, the id of the event.
    pub job_id: String,
    /// What Pulse said last.
    pub status: String,
    /// Why the job failed, if Pulse said so.
    pub error: Option<String>,
    /// The file that the result is in.
    pub result: Option<String>,
    /// Why there is no result yet, although there should be; or which event cannot be read.
    pub problem: Option<String>,
    /// Nobody works on the problem any more: `pulse retry` does.
    pub given_up: bool,
}

impl Jobs {
    pub fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }

    /// Takes down what Pulse said of a job at the time `as_of`, in milliseconds since 1970.
    ///
    /// Events may come late and in any order: a job that has finished does not start again.
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
            // Pulse may add more: nothing is known of their order.
            JobStatus::Other(status) => (status.as_str(), 0),
            _ => ("unknown", 0),
        };
        sqlx::query(
            "INSERT INTO pulse_jobs (job_id, status, progress, as_of, error)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (job_id) DO UPDATE
             SET status = ?2, progress = ?3, as_of = ?4, error = ?5
             WHERE (progress, as_of) < (?3, ?4)",
        )
        .bind(job_id)
        .bind(status)
        .bind(progress)
        .bind(as_of)
        .bind(error)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The result is in `file`, so there is no problem, whatever else was tried at the same time.
    pub async fn stored(&self, job_id: &str, file: &Path) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE pulse_jobs SET result = ?2, problem = NULL, given_up = FALSE WHERE job_id = ?1",
        )
        .bind(job_id)
        .bind(file.to_string_lossy())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Takes down why there is no result; or that there is no reason any more.
    pub async fn problem(
        &self,
        job_id: &str,
        problem: Option<&str>,
        given_up: bool,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE pulse_jobs SET problem = ?2, given_up = ?3 WHERE job_id = ?1")
            .bind(job_id)
            .bind(problem)
            .bind(given_up)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Takes down that an event of a job cannot be read, which may be the first that is heard of the job.
    pub async fn unreadable(&self, job_id: &str, problem: &str) -> Result<(), sqlx::Error> {
        // As of 1970, so that any event that can be read is news.
        sqlx::query(
            "INSERT INTO pulse_jobs (job_id, status, progress, as_of, problem, given_up)
             VALUES (?1, 'unknown', 0, 0, ?2, TRUE)
             ON CONFLICT (job_id) DO UPDATE SET problem = ?2, given_up = TRUE",
        )
        .bind(job_id)
        .bind(problem)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn get(&self, job_id: &str) -> Result<Option<Job>, sqlx::Error> {
        sqlx::query_as("SELECT * FROM pulse_jobs WHERE job_id = ?1")
            .bind(job_id)
            .fetch_optional(&self.pool)
            .await
    }

    /// The jobs that failed at Pulse, those whose result could not be fetched, or could not be fetched yet, and events that
    /// cannot be read.
    pub async fn failed(&self) -> Result<Vec<Job>, sqlx::Error> {
        sqlx::query_as(
            "SELECT * FROM pulse_jobs WHERE status = 'failed' OR problem IS NOT NULL ORDER BY as_of",
        )
        .fetch_all(&self.pool)
        .await
    }
}
