//! A task that deletes events that are no longer needed.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::database_error::DatabaseError;
use crate::telemetry;

/// A task that deletes events that are no longer needed, until it is [stopped](Self::stop) or dropped.
///
/// [`SqlStore::spawn_cleanup`](crate::SqlStore::spawn_cleanup) and
/// [`Inbox::spawn_cleanup`](crate::Inbox::spawn_cleanup) return one. See [`SqlStore`](crate::SqlStore#example) for an
/// example.
#[derive(Debug)]
#[must_use = "dropping it ends the task"]
pub struct Cleanup {
    stopping: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

impl Cleanup {
    pub(crate) fn spawn<F>(pause: Duration, delete: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<u64, DatabaseError>> + Send,
    {
        let (stopping, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let work = async {
                loop {
                    if let Err(error) = delete().await {
                        telemetry::error("cleanup-failed", &error);
                    }
                    sleep(pause.max(SHORTEST_PAUSE)).await;
                }
            };
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => {}
                () = work => {}
            }
        });
        Self {
            stopping,
            task: Some(task),
        }
    }

    /// Stops the task. The next task deletes what this one has left.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}
