//! The receiver and the worker in one process.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
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

/// How long the requests at hand may take once the receiver is told to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

impl App {
    /// Receives until `shutdown`, and works on what was received.
    ///
    /// `axum::serve` takes any number of connections, and waits for the head of a request without end. Without a proxy in
    /// front that limits both, take `examples/production/src/serve.rs`.
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
        let (stopping, stopped) = oneshot::channel();
        let shutdown = async move {
            shutdown.await;
            let _ = stopping.send(());
        };
        let serving = axum::serve(listener, server::receiver(self.secrets, queue))
            .with_graceful_shutdown(shutdown);
        let grace = async {
            let _ = stopped.await;
            tokio::time::sleep(SHUTDOWN_GRACE).await;
        };
        tokio::select! {
            served = serving.into_future() => served?,
            // Whoever has not ended by now may never end.
            () = grace => {}
        }
        // What it is at now is in the queue, and taken up at the next start.
        worker.abort();
        Ok(())
    }
}
