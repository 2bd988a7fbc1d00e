//! One attempt to process an event.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tower_svix::idempotency::ClaimToken;

use super::failure::{self, BoxError, Failure, Next};
use super::settings::{Handler, Worker};
use super::task::EndsWhenDropped;
use crate::database::{self, DatabaseError};
use crate::engine::{Engine, Value};
use crate::inbox::{State, StoredEvent};
use crate::table::Sql;
use crate::telemetry;

/// The pause before it is tried again to write down what became of an attempt.
const WRITE_AGAIN: Duration = Duration::from_millis(500);
/// How long a handler that was cut off may take to notice.
const CUT_OFF: Duration = Duration::from_secs(1);

/// An event that is ours until its lease passes.
pub(super) struct Attempt<DB: Engine> {
    worker: Arc<Worker<DB>>,
    event: StoredEvent,
    token: ClaimToken,
}

/// How the handler ended.
enum End {
    /// It succeeded, which is to be written down.
    Succeeded,
    /// It succeeded, which is written down.
    Committed,
    Failed(BoxError),
    /// The event is another worker's, or forgotten.
    Superseded,
    /// The worker stops.
    Stopped,
}

impl<DB: Engine> Attempt<DB> {
    pub(super) fn new(worker: Arc<Worker<DB>>, event: StoredEvent, token: ClaimToken) -> Self {
        Self {
            worker,
            event,
            token,
        }
    }

    pub(super) async fn run(self, stopped: watch::Receiver<bool>) {
        let started = Instant::now();
        let end = self.watch(stopped).await;
        let outcome = self.settle(end).await;
        telemetry::attempted(outcome, started.elapsed());
    }

    /// Runs the handler in a task of its own, so that a panic is its own, and renews the lease meanwhile.
    async fn watch(&self, mut stopped: watch::Receiver<bool>) -> End {
        let work = handle(Arc::clone(&self.worker), self.event.clone(), self.token);
        let work = telemetry::in_attempt(&self.event, work);
        let mut handler = EndsWhenDropped(tokio::spawn(work));
        let timed_out = sleep(self.worker.timeout);
        tokio::pin!(timed_out);
        let third = self.worker.lease / 3;
        let mut renewal = interval_at(Instant::now() + third, third);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = loop {
            tokio::select! {
                biased;
                ended = handler.join() => {
                    return match ended {
                        Ok(end) => end,
                        Err(error) => match error.try_into_panic() {
                            Ok(panic) => End::Failed(panicked(&*panic)),
                            // The runtime ends.
                            Err(_) => End::Stopped,
                        },
                    };
                }
                () = &mut timed_out => {
                    let detail = format!("the handler took longer than {:?}", self.worker.timeout);
                    break End::Failed(detail.into());
                }
                () = told_to_stop(&mut stopped) => break End::Stopped,
                _ = renewal.tick() => match self.renew().await {
                    Ok(true) => {}
                    Ok(false) => break End::Superseded,
                    // The next one may succeed. If not, the token decides.
                    Err(error) => self.report("renewal-failed", &error),
                }
            }
        };
        // Its transaction is rolled back before the event is free.
        handler.0.abort();
        match timeout(CUT_OFF, handler.join()).await {
            // It was faster.
            Ok(Ok(end @ (End::Succeeded | End::Committed))) => end,
            _ => end,
        }
    }

    async fn renew(&self) -> Result<bool, DatabaseError> {
        let lease = Value::Int(database::milliseconds(self.worker.lease));
        self.change(&self.worker.inbox.sql.renew, &[lease]).await
    }

    /// Writes down what became of the event, and returns its name for the metrics.
    async fn settle(&self, end: End) -> &'static str {
        let sql = &self.worker.inbox.sql;
        let (outcome, is_ours) = match end {
            End::Committed => ("done", true),
            End::Superseded => ("superseded", false),
            End::Succeeded => ("done", self.write(&sql.done, &[]).await),
            End::Stopped => ("given-back", self.write(&sql.give_back, &[]).await),
            End::Failed(error) => self.fail(&error).await,
        };
        if is_ours {
            return outcome;
        }
        self.report(
            "superseded",
            &"its lease had passed, and another worker took it, or it was forgotten",
        );
        "superseded"
    }

    async fn fail(&self, error: &BoxError) -> (&'static str, bool) {
        let attempt = self.event.attempt();
        let pause = self.worker.backoff.pause(attempt);
        let (state, pause) = match Failure::next(error) {
            Next::Never => (State::Dead, pause),
            _ if attempt >= self.worker.max_attempts => (State::Dead, pause),
            Next::AfterPause => (State::Pending, pause),
            // The jitter comes on top: everyone was told the same time.
            Next::NotBefore(asked) => (
                State::Pending,
                asked.saturating_add(pause.min(Duration::from_secs(1))),
            ),
        };
        let text = failure::text(error);
        let (code, outcome) = if state == State::Dead {
            ("event-dead", "dead")
        } else {
            ("attempt-failed", "failed")
        };
        self.report(code, &text);
        let values = [
            Value::Int(database::milliseconds(pause)),
            Value::Text(Some(&text)),
            Value::Text(Some(state.name())),
        ];
        (
            outcome,
            self.write(&self.worker.inbox.sql.fail, &values).await,
        )
    }

    /// Writes until the database takes it. What is done must not be done again because the database was away for a moment.
    async fn write(&self, sql: &Sql, values: &[Value<'_>]) -> bool {
        loop {
            match self.change(sql, values).await {
                Ok(is_ours) => return is_ours,
                Err(error) => self.report("not-written", &error),
            }
            sleep(WRITE_AGAIN).await;
        }
    }

    /// Changes the event, unless it is ours no more.
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

/// What every statement begins with that changes an event of ours.
fn fenced<'a>(event: &StoredEvent, token: &'a ClaimToken, values: &[Value<'a>]) -> Vec<Value<'a>> {
    let mut all = vec![Value::Int(event.number()), Value::Bytes(token.as_bytes())];
    all.extend(values);
    all
}

async fn handle<DB: Engine>(worker: Arc<Worker<DB>>, event: StoredEvent, token: ClaimToken) -> End {
    let result = match &*worker.handler {
        Handler::Plain(handler) => handler(event).await.map(|()| End::Succeeded),
        Handler::Transactional(handler) => {
            let work = async {
                let mut turn = worker.inbox.database.begin().await?;
                let transaction = &mut turn.of;
                handler(event.clone(), transaction).await?;
                let values = fenced(&event, &token, &[]);
                if DB::execute(transaction, &worker.inbox.sql.done, &values).await? == 0 {
                    // Dropped, the transaction is rolled back.
                    return Ok(End::Superseded);
                }
                turn.of.commit().await?;
                Ok(End::Committed)
            };
            work.await
        }
    };
    result.unwrap_or_else(End::Failed)
}

async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // The worker is gone if nobody can tell any more.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// What a panic says.
fn panicked(panic: &(dyn Any + Send)) -> BoxError {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    match text {
        Some(text) => format!("the handler panicked: {text}").into(),
        None => "the handler panicked".into(),
    }
}
