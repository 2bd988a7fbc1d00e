//! The receiver and the worker in one process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_svix::Keyring;
use tower_svix_sqlx::{Engine, Inbox, Worker};

use crate::api::Pulse;
use crate::database::{Database, with_pool};
use crate::download::Downloads;
use crate::handler::Handler;
use crate::jobs::Jobs;
use crate::results::Results;
use crate::{BoxError, inbox, server};

/// The configuration of `serve`.
pub struct App {
    pub secrets: Keyring,
    pub pulse: Pulse,
    pub database: Database,
    pub results: PathBuf,
    pub schema: Option<Value>,
}

/// How long running requests and handlers may continue after the process was told to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// How long a download that is possible only once may continue after that. Pulse has already deleted the result.
const DOWNLOAD_GRACE: Duration = Duration::from_mins(5);
/// How long an event waits for a worker that may be dead.
const LEASE: Duration = Duration::from_secs(10);
/// The timeout of the whole handler. It is long, because a large result may arrive slowly and each step has its own
/// timeout.
const ATTEMPT_TIMEOUT: Duration = Duration::from_hours(6);
/// How long an event that is done is remembered. This is longer than the retry schedule of any sender.
pub const RETENTION: Duration = Duration::from_hours(96);
const CLEANUP_PAUSE: Duration = Duration::from_hours(1);

impl App {
    /// Receives and processes events until `shutdown` completes.
    ///
    /// `axum::serve` accepts any number of connections, and has no timeout for the head of a request. If there is no
    /// proxy that limits both, use `examples/production/src/serve.rs` instead.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), BoxError> {
        with_pool!(&self.database, pool => {
            let inbox = inbox::open(pool.clone());
            self.run_on(inbox, listener, shutdown).await
        })
    }

    async fn run_on<DB: Engine>(
        &self,
        inbox: Inbox<DB>,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), BoxError> {
        let (stop, stopped) = watch::channel(false);
        let downloads = Downloads::default();
        let worker = self.worker(inbox.clone(), downloads.clone())?;
        let worker = tokio::spawn(worker.run_until(told_to_stop(stopped.clone())));
        let _cleanup = inbox.spawn_cleanup(RETENTION, CLEANUP_PAUSE);

        let shutdown = async move {
            shutdown.await;
            stop.send_replace(true);
        };
        let receiver = server::receiver(self.secrets.clone(), inbox);
        let serving = axum::serve(listener, receiver).with_graceful_shutdown(shutdown);
        let grace = async {
            told_to_stop(stopped).await;
            tokio::time::sleep(SHUTDOWN_GRACE).await;
        };
        tokio::select! {
            served = serving.into_future() => served?,
            // A client that has not finished by now may never finish.
            () = grace => {}
        }
        // The worker finishes running events, or gives them back for the next start.
        worker.await?;
        let _ = tokio::time::timeout(DOWNLOAD_GRACE, downloads.finished()).await;
        Ok(())
    }

    fn worker<DB: Engine>(
        &self,
        inbox: Inbox<DB>,
        downloads: Downloads,
    ) -> Result<Worker<DB>, BoxError> {
        let handler = Arc::new(Handler {
            jobs: Jobs::new(self.database.clone()),
            results: Results::open(&self.results)?,
            downloads,
            pulse: self.pulse.clone(),
            schema: self.schema.clone(),
        });
        let process = move |event| {
            let handler = Arc::clone(&handler);
            async move { handler.process(event).await }
        };
        Ok(Worker::new(inbox, process)
            .lease(LEASE)
            .timeout(ATTEMPT_TIMEOUT)
            .grace(SHUTDOWN_GRACE))
    }
}

/// Waits for the shutdown. Also completes if the sender of the signal is gone.
async fn told_to_stop(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}
