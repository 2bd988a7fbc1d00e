//! The handler of the worker.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::Value;
use tower_svix_pulse::{JobId, JobStatus, PulseEvent};
use tower_svix_sqlx::inbox::StoredEvent;
use tower_svix_sqlx::worker::BoxError;

use crate::api::{ApiError, Position, Pulse, is_large};
use crate::download::Downloads;
use crate::failure::Failure;
use crate::jobs::Jobs;
use crate::part::Part;
use crate::results::Results;

/// The parts that the handler needs.
pub struct Handler {
    pub jobs: Jobs,
    pub results: Results,
    pub downloads: Downloads,
    pub pulse: Pulse,
    /// The schema that is applied to each result, if any.
    pub schema: Option<Value>,
}

impl Handler {
    /// Processes an event. May run more than once for an event, but never for two events of a job at the same time.
    pub async fn process(&self, event: StoredEvent) -> Result<(), BoxError> {
        self.work(&event).await.map_err(Failure::into_error)
    }

    async fn work(&self, event: &StoredEvent) -> Result<(), Failure> {
        // An event that cannot be parsed is dead at once. It stays in the inbox for an operator.
        let event: PulseEvent = serde_json::from_slice(event.payload()).map_err(|error| {
            let position = Position::of(&error);
            Failure::Permanent(format!("the event cannot be read: {position}"))
        })?;
        tracing::info!(
            event_type = event.event_type(),
            job = event.job_id(),
            "event"
        );
        let (job_id, status, timestamp, error) = match &event {
            PulseEvent::Created(event) => (
                &event.data.job_id,
                JobStatus::Pending,
                event.timestamp,
                None,
            ),
            PulseEvent::Processing(event) => (
                &event.data.job_id,
                JobStatus::Processing,
                event.timestamp,
                None,
            ),
            PulseEvent::Completed(event) => (
                &event.data.job_id,
                JobStatus::Completed,
                event.timestamp,
                None,
            ),
            PulseEvent::Failed(event) => {
                let error = event.data.error.as_deref();
                (
                    &event.data.job_id,
                    JobStatus::Failed,
                    event.timestamp,
                    error,
                )
            }
            PulseEvent::Cancelled(event) => (
                &event.data.job_id,
                JobStatus::Cancelled,
                event.timestamp,
                None,
            ),
            // Pulse has added this type. The event stays in the inbox until done events are deleted.
            PulseEvent::Other(_) => return Ok(()),
        };
        let as_of = timestamp.as_millisecond();
        self.jobs
            .observe(job_id.as_str(), &status, as_of, error)
            .await?;
        match status {
            JobStatus::Completed => self.fetch(job_id).await,
            _ => Ok(()),
        }
    }

    /// Writes the result of a job into the folder, unless it is already there.
    async fn fetch(&self, job_id: &JobId) -> Result<(), Failure> {
        let id = job_id.as_str();
        let (Some(path), Some(schema_path)) = (self.results.path(id), self.results.schema_path(id))
        else {
            let problem = format!("the job's id {id:?} cannot be a file name");
            return Err(Failure::Permanent(problem));
        };
        let is_here = path.is_file() || self.recover(id, &path).await?;
        if !is_here && !self.receive(id, &path).await? {
            return Ok(());
        }
        self.jobs.stored(id, &path).await?;
        if let Some(schema) = &self.schema
            && !schema_path.is_file()
        {
            let extraction_id = extraction_of(&path).await?;
            let found = self.pulse.schema(&extraction_id, schema).await?;
            let found = serde_json::to_vec(&found).map_err(ApiError::from)?;
            self.results.write(&schema_path, &found).await?;
        }
        Ok(())
    }

    /// Finishes the work of an attempt that died after the download. Does not ask Pulse, which may have forgotten the
    /// job. Returns `false` if the result is incomplete or missing.
    async fn recover(&self, job_id: &str, path: &Path) -> Result<bool, Failure> {
        let part = match self.results.part_left(path).await {
            Ok(Some(part)) => part,
            Ok(None) => return Ok(false),
            Err(error) if is_received(&error) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        if !part.is_whole().await? {
            return Ok(false);
        }
        tracing::info!(job = job_id, "the result was received before");
        part.finish().await?;
        Ok(true)
    }

    /// Writes the result of a job to `path`. Returns `false` if the job has no result, because it did not complete.
    async fn receive(&self, job_id: &str, path: &Path) -> Result<bool, Failure> {
        let job = self.pulse.job(job_id).await?;
        let error = job.error.as_deref();
        self.jobs.observe(job_id, &job.status, now(), error).await?;
        match job.status {
            JobStatus::Completed => {}
            JobStatus::Failed | JobStatus::Cancelled => return Ok(false),
            status => return Err(Failure::NotFinished(format!("{status:?}"))),
        }
        let Some(result) = job.result else {
            let problem = "Pulse says that the job is completed, and gives no result";
            return Err(Failure::Permanent(problem.to_owned()));
        };
        if is_large(&result) {
            self.receive_large(job_id, path, &result).await?;
        } else {
            let result = serde_json::to_vec(&result).map_err(ApiError::from)?;
            self.results.write(path, &result).await?;
        }
        Ok(true)
    }

    /// Receives a result that can be downloaded only once. Each piece is written to a file at once, so that the next
    /// attempt finds it even if the process was killed.
    async fn receive_large(
        &self,
        job_id: &str,
        path: &Path,
        result: &Value,
    ) -> Result<(), Failure> {
        // Before the download, so that an unwritable folder does not lose the result.
        let part = match self.results.part(path).await {
            Ok(part) => part,
            Err(error) if is_received(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        match self.pulse.large_result(job_id, result).await {
            Ok(incoming) => self.downloads.receive(part, incoming).await,
            Err(error) if error.is_gone() => Err(gone(&part, &error)),
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns whether another worker was faster.
fn is_received(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AlreadyExists
}

fn gone(part: &Part, error: &ApiError) -> Failure {
    let kept = if part.is_empty() {
        "nothing of it is here".to_owned()
    } else {
        format!(
            "{} bytes of it are in {}",
            part.len(),
            part.path().display()
        )
    };
    Failure::Permanent(format!(
        "the large result was downloaded before, and {kept}: {error}"
    ))
}

/// The maximum size of a result that a schema is applied to, in bytes. Reading it takes at most as much memory as its
/// longest text.
const MAX_READ: u64 = 256 << 20;

/// Reads the id of the extraction, and keeps nothing else in memory.
async fn extraction_of(path: &Path) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Extraction {
        extraction_id: String,
    }
    let path = path.to_owned();
    let read = move || -> Result<String, Failure> {
        let file = std::fs::File::open(path)?;
        if file.metadata()?.len() > MAX_READ {
            let problem = format!("no schema is applied to a result of more than {MAX_READ} bytes");
            return Err(Failure::Permanent(problem));
        }
        let file = io::BufReader::new(file);
        let extraction: Extraction = serde_json::from_reader(file).map_err(|error| {
            let position = Position::of(&error);
            Failure::Permanent(format!("no schema can be applied: {position}"))
        })?;
        Ok(extraction.extraction_id)
    };
    tokio::task::spawn_blocking(read)
        .await
        .map_err(io::Error::other)?
}

/// Returns the time in milliseconds since 1970.
fn now() -> i64 {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
