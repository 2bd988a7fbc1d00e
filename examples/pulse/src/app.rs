//! The receiver and the worker in one process.

use std::path::PathBuf;

use serde_json::Value;
use tokio::net::TcpListener;
use tower_svix::Keyring;

use crate::api::Pulse;
use crate::jobs::Jobs;
use crate::queue::Queue;
use crate::results::Results;
use crate::worker::Worker;
use crate::{BoxError, database, server};

/// What `serve` needs to know.
#[derive(Clone, Debug)]
pub struct App {
    pub secrets: Keyring,
    pub pulse: Pulse,
    pub database: PathBuf,
    pub results: PathBuf,
    pub schema: Option<Value>,
}

impl App {
    /// Receives until `shutdown`, and works on what was received.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), BoxError> {
        let pool = database::open(&self.database).await?;
        let queue = Queue::new(&pool);
        let worker = Worker {
            queue: queue.clone(),
            jobs: Jobs::new(pool),
            results: Results::open(&self.results)?,
            pulse: self.pulse,
            schema: self.schema,
        };
        let worker = tokio::spawn(worker.run());
        axum::serve(listener, server::receiver(self.secrets, queue))
            .with_graceful_shutdown(shutdown)
            .await?;
        // What it is at now is in the queue, and taken up at the next start.
        worker.abort();
        Ok(())
    }
}
