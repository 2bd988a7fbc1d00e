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

/// What `serve` needs to know.
pub struct App {
    pub secrets: Keyring,
    pub pulse: Pulse,
    pub database: Database,
    pub results: PathBuf,
    pub schema: Option<Value>,
}

/// How long what is at hand may take once the process is told to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// How long a download that there is only once may take after that. Pulse has deleted the result by then.
const DOWNLOAD_GRACE: Duration = Duration::from_mins(5);
/// For how long an event is left to a worker that may be dead.
const LEASE: Duration = Duration::from_secs(10);
/// The last resort. A large result may come slowly, and each step has a timeout of its own.
const ATTEMPT_TIMEOUT: Duration = Duration::from_hours(6);
/// How long an event that is done is remembered: longer than any sender repeats it.
pub const RETENTION: Duration = Duration::from_hours(96);
const CLEANUP_PAUSE: Duration = Duration::from_hours(1);

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
            // A client that has not ended by now may never end.
            () = grace => {}
        }
        // It finishes what it is at, or gives it back: it is taken up at the next start.
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

/// Also if there is nobody left to tell.
async fn told_to_stop(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}
