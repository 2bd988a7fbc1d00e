//! One attempt to process an event.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep, timeout};
use tower_svix::idempotency::ClaimToken;

use super::claim::Claimed;
use super::end::{End, fenced, panicked};
use super::failure::BoxError;
use super::leases::Lease;
use super::settings::{Handler, Worker};
use super::task::EndsWhenDropped;
use super::transaction;
use super::verdict::Verdict;
use crate::database;
use crate::database_error::DatabaseError;
use crate::engine::{Engine, Value};
use crate::inbox::{State, StoredEvent};
use crate::table::Sql;
use crate::telemetry;

/// The pause before the outcome of an attempt is written again, after a failure of the database.
const WRITE_AGAIN: Duration = Duration::from_millis(500);
/// The pause before the next attempt, if the database interrupted this one.
const PAUSE: Duration = Duration::from_secs(1);
/// How long an aborted handler may take to stop.
const CUT_OFF: Duration = Duration::from_secs(1);

/// An event that this worker has until its lease ends.
pub(super) struct Attempt<DB: Engine> {
    worker: Arc<Worker<DB>>,
    event: StoredEvent,
    token: ClaimToken,
    lease: Lease,
    /// The permit of a suspect, which may have killed its worker.
    _alone: Option<OwnedSemaphorePermit>,
}

/// Whether the outcome was written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Now,
    /// Another worker has the event, or it was forgotten.
    Superseded,
    /// An earlier statement that timed out may have written it.
    Perhaps,
}

impl<DB: Engine> Attempt<DB> {
    pub(super) fn new(
        worker: Arc<Worker<DB>>,
        claimed: Claimed,
        alone: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            worker,
            event: claimed.event,
            token: claimed.token,
            lease: claimed.lease,
            _alone: alone,
        }
    }

    pub(super) async fn run(mut self, stopped: watch::Receiver<bool>) {
        let started = Instant::now();
        let end = self.watch(stopped).await;
        let outcome = self.settle(end).await;
        telemetry::attempted(outcome, started.elapsed());
    }

    /// Runs the handler in a separate task, so that a panic ends only that task.
    async fn watch(&mut self, mut stopped: watch::Receiver<bool>) -> End {
        let work = handle(Arc::clone(&self.worker), self.event.clone(), self.token);
        let work = telemetry::in_attempt(&self.event, work);
        let mut handler = EndsWhenDropped(tokio::spawn(work));
        let end = tokio::select! {
            biased;
            ended = handler.join() => {
                return match ended {
                    Ok(end) => end,
                    Err(error) => match error.try_into_panic() {
                        Ok(panic) => self.failed(&panicked(&*panic)),
                        // The runtime is shutting down.
                        Err(_) => End::Stopped,
                    },
                };
            }
            () = sleep(self.worker.timeout) => {
                let detail = format!("the handler took longer than {:?}", self.worker.timeout);
                self.failed(&detail.into())
            }
            () = told_to_stop(&mut stopped) => End::Stopped,
            Ok(()) = &mut self.lease.lost => End::Superseded,
        };
        // Its transaction is rolled back before another worker can take the event.
        handler.0.abort();
        match timeout(CUT_OFF, handler.join()).await {
            // The handler finished before it was aborted.
            Ok(Ok(end @ (End::Succeeded | End::Committed))) => end,
            _ => end,
        }
    }

    fn failed(&self, error: &BoxError) -> End {
        End::Failed(Verdict::new(&self.worker, &self.event, error))
    }

    /// Writes the outcome of the attempt, and returns its name for the metrics.
    async fn settle(&self, end: End) -> &'static str {
        let sql = &self.worker.inbox.sql;
        let (outcome, written) = match end {
            End::Committed => ("done", Written::Now),
            End::Superseded => ("superseded", Written::Superseded),
            End::Succeeded => ("done", self.write(&sql.done, &[]).await),
            End::Stopped => ("given-back", self.give_back(Duration::ZERO).await),
            End::Interrupted(error) => {
                self.report("attempt-interrupted", &error);
                ("given-back", self.give_back(PAUSE).await)
            }
            End::Failed(verdict) => {
                self.report(verdict.code(), &verdict.text);
                let written = self.write(&sql.fail, &verdict.values()).await;
                (verdict.outcome(), written)
            }
            End::Recorded(verdict) => {
                self.report(verdict.code(), &verdict.text);
                (verdict.outcome(), Written::Now)
            }
        };
        if written != Written::Superseded {
            return outcome;
        }
        // The transaction may have been committed even if the answer was lost.
        if matches!(*self.worker.handler, Handler::Transactional(_)) && self.is_done().await {
            return "done";
        }
        self.report(
            "superseded",
            &"its lease had passed, and another worker took it, or it was forgotten",
        );
        "superseded"
    }

    async fn is_done(&self) -> bool {
        let number = [Value::Int(self.event.number())];
        let inbox = &self.worker.inbox;
        let rows = inbox.database.read(&inbox.sql.look, &number).await;
        let state = rows.map(|rows| rows.first().and_then(|row| DB::text(row, 0).ok().flatten()));
        matches!(state, Ok(Some(state)) if state == State::Done.name())
    }

    async fn give_back(&self, pause: Duration) -> Written {
        let pause = Value::Int(database::milliseconds(pause));
        self.write(&self.worker.inbox.sql.give_back, &[pause]).await
    }

    /// Retries a statement until it succeeds, so that a short outage of the database does not lead to another attempt.
    async fn write(&self, sql: &Sql, values: &[Value<'_>]) -> Written {
        let mut is_certain = true;
        loop {
            match self.change(sql, values).await {
                Ok(true) => return Written::Now,
                Ok(false) if is_certain => return Written::Superseded,
                Ok(false) => return Written::Perhaps,
                Err(error) => {
                    is_certain &= error.is_answer();
                    self.report("not-written", &error);
                }
            }
            sleep(WRITE_AGAIN).await;
        }
    }

    /// Changes the event, unless this worker no longer has it.
    async fn change(&self, sql: &Sql, values: &[Value<'_>]) -> Result<bool, DatabaseError> {
        let values = fenced(&self.event, &self.token, values);
        let changed = self.worker.inbox.database.execute(sql, &values).await?;
        Ok(changed > 0)
    }

    fn report(&self, code: &'static str, detail: &dyn std::fmt::Display) {
        let attempt = self.event.attempt();
        let detail = format!("{} in attempt {attempt}: {detail}", self.event.id());
        telemetry::error(code, &detail);
    }
}

/// Runs the handler and makes the verdict, in the same task, because formatting an error can panic too.
async fn handle<DB: Engine>(worker: Arc<Worker<DB>>, event: StoredEvent, token: ClaimToken) -> End {
    match &*worker.handler {
        Handler::Plain(handler) => match handler(event.clone()).await {
            Ok(()) => End::Succeeded,
            Err(error) => End::Failed(Verdict::new(&worker, &event, &error)),
        },
        Handler::Transactional(handler) => {
            transaction::run(&worker, &**handler, &event, &token).await
        }
    }
}

async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // If the sender is gone, so is the worker.
    let _ = stopped.wait_for(|stop| *stop).await;
}
