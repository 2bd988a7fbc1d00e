//! What follows from the failure of a handler.

use std::time::Duration;

use super::failure::{self, BoxError, Failure, Next};
use super::settings::Worker;
use crate::database;
use crate::engine::{Engine, Value};
use crate::inbox::{State, StoredEvent};

/// What follows from a failure, and is written down.
pub(super) struct Verdict {
    state: State,
    pause: Duration,
    /// The error with its sources.
    pub(super) text: String,
}

impl Verdict {
    pub(super) fn new<DB: Engine>(
        worker: &Worker<DB>,
        event: &StoredEvent,
        error: &BoxError,
    ) -> Self {
        let attempt = event.attempt();
        let pause = worker.backoff.pause(attempt);
        let (state, pause) = match Failure::next(error) {
            Next::Never => (State::Dead, pause),
            _ if attempt >= worker.max_attempts => (State::Dead, pause),
            Next::AfterPause => (State::Pending, pause),
            // The jitter comes on top: everyone was told the same time.
            Next::NotBefore(asked) => (
                State::Pending,
                asked.saturating_add(pause.min(Duration::from_secs(1))),
            ),
        };
        Self {
            state,
            pause,
            text: failure::text(error),
        }
    }

    /// What the statement `fail` takes after the event and its token.
    pub(super) fn values(&self) -> [Value<'_>; 3] {
        [
            Value::Int(database::milliseconds(self.pause)),
            Value::Text(Some(&self.text)),
            Value::Text(Some(self.state.name())),
        ]
    }

    /// Its name in the log.
    pub(super) fn code(&self) -> &'static str {
        match self.state {
            State::Dead => "event-dead",
            _ => "attempt-failed",
        }
    }

    /// Its name in the metrics.
    pub(super) fn outcome(&self) -> &'static str {
        match self.state {
            State::Dead => "dead",
            _ => "failed",
        }
    }
}
