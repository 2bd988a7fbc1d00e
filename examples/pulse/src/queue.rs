//! The durable queue between the receiver and the worker: apalis, in SQLite.

use std::time::Duration;

use apalis::prelude::{Task, TaskBuilder, TaskSink as _, TaskSinkError};
use apalis_sqlite::{Config, SqlitePool, SqliteStorage};
use serde::{Deserialize, Serialize};
use tower_svix::VerifiedEvent;
use tower_svix_pulse::JobId;

/// What is to be done.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Work {
    /// An event arrived. It is read by the worker: one that cannot be read is here to be looked at, and not lost.
    Event { id: String, payload: String },
    /// Somebody asks for the result of a job again.
    Fetch(JobId),
}

/// The queue.
#[derive(Clone, Debug)]
pub struct Queue {
    storage: SqliteStorage<Work>,
}

pub type QueueError = TaskSinkError<apalis_sqlite::Error>;

/// How often work is tried. With the worker's pauses, the last attempt is more than an hour after the first.
pub const ATTEMPTS: u32 = 20;

impl Queue {
    pub fn new(pool: &SqlitePool) -> Self {
        let config = Config::default()
            .queue("pulse")
            // After a crash, what was under way is taken up again within some ten seconds.
            .heartbeat_interval(Duration::from_secs(2))
            .missed_heartbeats(3);
        let storage = SqliteStorage::new(pool).with_config(config);
        Self { storage }
    }

    /// Stores an event: it is on disk when this returns. An event that is in the queue, or ever was, is not added again.
    pub async fn push_event(&self, event: &VerifiedEvent) -> Result<(), QueueError> {
        let work = Work::Event {
            id: event.id().to_owned(),
            // JSON is UTF-8. As text it is legible in the table, and an array of bytes would be four times as long.
            payload: String::from_utf8_lossy(event.payload()).into_owned(),
        };
        self.push(
            TaskBuilder::new(work)
                .idempotency_key(event.id())
                .max_attempts(ATTEMPTS as usize)
                .build(),
        )
        .await
    }

    /// Asks for the result of a job once more.
    pub async fn push_fetch(&self, job_id: JobId) -> Result<(), QueueError> {
        self.push(
            TaskBuilder::new(Work::Fetch(job_id))
                .max_attempts(ATTEMPTS as usize)
                .build(),
        )
        .await
    }

    /// Holds the next attempt of a task back for `pause`: apalis would make it at once.
    pub async fn postpone(&self, task_id: &str, pause: Duration) -> Result<(), sqlx::Error> {
        // The queue counts in whole seconds.
        let seconds = i64::try_from(pause.as_secs()).unwrap_or(i64::MAX / 2) + 1;
        sqlx::query("UPDATE Jobs SET run_at = strftime('%s', 'now') + ?2 WHERE id = ?1")
            .bind(task_id)
            .bind(seconds)
            .execute(self.storage.pool())
            .await?;
        Ok(())
    }

    /// What a worker takes its tasks from.
    pub(crate) fn storage(&self) -> SqliteStorage<Work> {
        self.storage.clone()
    }

    async fn push(&self, task: Task<Work>) -> Result<(), QueueError> {
        // A clone has a buffer of its own: a push that fails leaves nothing behind for the next.
        self.storage.clone().push_task(task).await
    }
}
