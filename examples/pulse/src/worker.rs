//! The worker: it does in the background what events ask for.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apalis::prelude::{
    AbortError, Attempt, BackendExt as _, BoxDynError, Data, TaskId, WorkerBuilder,
    WorkerBuilderExt as _,
};
use serde::Deserialize;
use serde_json::Value;
use tower_svix_pulse::{JobId, JobStatus, PulseEvent};

use crate::api::{ApiError, Pulse};
use crate::backoff::Backoff;
use crate::jobs::Jobs;
use crate::queue::{ATTEMPTS, Queue, Work};
use crate::results::Results;

/// What the worker works with.
#[derive(Clone, Debug)]
pub struct Worker {
    pub queue: Queue,
    pub jobs: Jobs,
    pub results: Results,
    pub pulse: Pulse,
    /// Applied to each result, if there is one.
    pub schema: Option<Value>,
}

/// Why work is not done.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the result cannot be read: {0}")]
    Read(std::io::Error),
    #[error("Pulse says that the job is {0:?}")]
    NotFinished(JobStatus),
    #[error("{0}")]
    Permanent(String),
}

const BACKOFF: Backoff = Backoff {
    base: Duration::from_secs(1),
    cap: Duration::from_mins(5),
};
/// How many tasks are worked on at the same time.
const CONCURRENCY: usize = 8;

impl Worker {
    /// Works until the future is dropped.
    pub async fn run(self) {
        loop {
            // Of two workers of one name, only one could register: what crashed may still be known.
            let name = format!("pulse-{:016x}", rand::random::<u64>());
            let backend = self.queue.storage();
            let worker = WorkerBuilder::new(name)
                .backend(backend.poll_with_interval(Duration::from_millis(200)))
                .data(Arc::new(self.clone()))
                .concurrency(CONCURRENCY)
                .build(attempt);
            if let Err(error) = worker.run().await {
                tracing::error!(%error, "the worker stopped, and is started again");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn work(&self, work: Work) -> Result<(), Failure> {
        let event = match work {
            Work::Fetch(job_id) => return self.fetch(&job_id).await,
            Work::Event { id, payload } => self.read(&id, &payload).await?,
        };
        tracing::info!(
            event_type = event.event_type(),
            job = event.job_id(),
            "event"
        );
        let (job_id, timestamp, status, error) = match &event {
            PulseEvent::Created(event) => (
                &event.data.job_id,
                event.timestamp,
                JobStatus::Pending,
                None,
            ),
            PulseEvent::Processing(event) => (
                &event.data.job_id,
                event.timestamp,
                JobStatus::Processing,
                None,
            ),
            PulseEvent::Completed(event) => (
                &event.data.job_id,
                event.timestamp,
                JobStatus::Completed,
                None,
            ),
            PulseEvent::Failed(event) => {
                let error = event.data.error.as_deref();
                (
                    &event.data.job_id,
                    event.timestamp,
                    JobStatus::Failed,
                    error,
                )
            }
            PulseEvent::Cancelled(event) => (
                &event.data.job_id,
                event.timestamp,
                JobStatus::Cancelled,
                None,
            ),
            // Pulse added it: it stays in the queue's table, and that is all that can be done.
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

    /// Reads an event. One that cannot be read is put among the failed jobs.
    async fn read(&self, event_id: &str, payload: &str) -> Result<PulseEvent, Failure> {
        let error = match serde_json::from_str(payload) {
            Ok(event) => return Ok(event),
            Err(error) => error,
        };
        let problem = format!("the event {event_id} cannot be read: {error}");
        let job_id = job_of(payload);
        self.jobs
            .unreadable(job_id.as_deref().unwrap_or(event_id), &problem)
            .await?;
        Err(Failure::Permanent(problem))
    }

    /// Puts the result of a job into the folder. What is there already is not fetched again.
    async fn fetch(&self, job_id: &JobId) -> Result<(), Failure> {
        let id = job_id.as_str();
        let (Some(path), Some(schema_path)) = (self.results.path(id), self.results.schema_path(id))
        else {
            let problem = format!("the id {id:?} cannot be a file name");
            return Err(Failure::Permanent(problem));
        };
        if !path.exists() {
            let Some(result) = self.download(id).await? else {
                return Ok(());
            };
            self.keep(id, &path, &result).await?;
        }
        if let Some(schema) = &self.schema
            && !schema_path.exists()
        {
            #[derive(Deserialize)]
            struct Extraction {
                extraction_id: String,
            }
            let result = tokio::fs::read(&path).await.map_err(Failure::Read)?;
            let Extraction { extraction_id } =
                serde_json::from_slice(&result).map_err(|error| {
                    Failure::Permanent(format!("no schema can be applied: {error}"))
                })?;
            let found = self.pulse.schema(&extraction_id, schema).await?;
            let found = serde_json::to_vec(&found).map_err(ApiError::from)?;
            self.keep(id, &schema_path, &found).await?;
        }
        self.jobs.stored(id, &path).await?;
        Ok(())
    }

    /// The result of a job, or `None` for one that has none, since it did not complete.
    async fn download(&self, job_id: &str) -> Result<Option<Vec<u8>>, Failure> {
        let job = self.pulse.job(job_id).await?;
        let error = job.error.as_deref();
        self.jobs.observe(job_id, &job.status, now(), error).await?;
        match job.status {
            JobStatus::Completed => {}
            JobStatus::Failed | JobStatus::Cancelled => {
                self.jobs.problem(job_id, None, false).await?;
                return Ok(None);
            }
            status => return Err(Failure::NotFinished(status)),
        }
        let Some(result) = job.result else {
            let problem = "Pulse says that the job is completed, and gives no result";
            return Err(Failure::Permanent(problem.to_owned()));
        };
        match self.pulse.result(job_id, &result).await {
            Ok(result) => Ok(Some(result.into())),
            Err(error) if error.is_gone() => Err(Failure::Permanent(format!(
                "the large result was downloaded before, and Pulse has deleted it: {error}"
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes what may not exist anywhere else any more. So this does not give up: it says what is wrong, and waits until
    /// somebody has mended it, such as a full disk.
    async fn keep(
        &self,
        job_id: &str,
        path: &std::path::Path,
        content: &[u8],
    ) -> Result<(), Failure> {
        let mut attempt = 1;
        while let Err(error) = self.results.write(path, content).await {
            let problem = format!("{} cannot be written: {error}", path.display());
            tracing::error!(job_id, problem, "the result is kept in memory until then");
            // It may well be the same disk.
            let _ = self.jobs.problem(job_id, Some(&problem), false).await;
            tokio::time::sleep(BACKOFF.pause(attempt, None).min(Duration::from_secs(30))).await;
            attempt += 1;
        }
        Ok(())
    }

    /// Takes down why work is not done, and decides when it is tried again.
    async fn fail(
        &self,
        job_id: Option<&str>,
        task_id: &TaskId,
        attempt: u32,
        failure: Failure,
    ) -> BoxDynError {
        let given_up = attempt >= ATTEMPTS || !failure.is_transient();
        tracing::warn!(job_id, attempt, given_up, %failure, "not done");
        if let Some(job_id) = job_id {
            let problem = failure.to_string();
            if let Err(error) = self.jobs.problem(job_id, Some(&problem), given_up).await {
                tracing::error!(%error, job_id, "the problem could not be taken down");
            }
        }
        if given_up {
            return AbortError::new(failure).into();
        }
        let pause = BACKOFF.pause(attempt, failure.retry_after());
        if let Err(error) = self.queue.postpone(&task_id.to_string(), pause).await {
            tracing::error!(%error, "the next attempt comes at once");
        }
        failure.into()
    }
}

/// One attempt at a task. The queue makes another if this fails, unless the error is an [`AbortError`].
async fn attempt(
    work: Work,
    task_id: TaskId,
    attempt: Attempt,
    worker: Data<Arc<Worker>>,
) -> Result<(), BoxDynError> {
    let job_id = match &work {
        Work::Event { payload, .. } => job_of(payload),
        Work::Fetch(job_id) => Some(job_id.to_string()),
    };
    // In a task of its own, so that a panic is one job's failure.
    let this = Arc::clone(&worker);
    let outcome = tokio::spawn(async move { this.work(work).await })
        .await
        .unwrap_or_else(|panic| Err(Failure::Permanent(panic.to_string())));
    let Err(failure) = outcome else {
        return Ok(());
    };
    let attempt = u32::try_from(attempt.current()).unwrap_or(u32::MAX);
    Err(worker
        .fail(job_id.as_deref(), &task_id, attempt, failure)
        .await)
}

/// The job that an event is about, also if it cannot be read otherwise.
fn job_of(payload: &str) -> Option<String> {
    let payload: Value = serde_json::from_str(payload).ok()?;
    Some(payload.pointer("/data/job_id")?.as_str()?.to_owned())
}

impl Failure {
    fn is_transient(&self) -> bool {
        match self {
            Self::Api(error) => error.is_transient(),
            Self::Database(_) | Self::Read(_) | Self::NotFinished(_) => true,
            Self::Permanent(_) => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after(),
            _ => None,
        }
    }
}

/// In milliseconds since 1970.
fn now() -> i64 {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
