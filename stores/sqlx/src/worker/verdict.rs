//! The consequence of a handler's failure.

use std::time::Duration;

use super::failure::{self, BoxError, Failure, Next};
use super::settings::Worker;
use crate::database;
use crate::engine::{Engine, Value};
use crate::inbox::{State, StoredEvent};

/// The consequence of a failure, as it is written into the table.
pub(super) struct Verdict {
    state: State,
    pause: Duration,
    /// The text of the error and its sources.
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
            // Add the jitter, because every client was told the same time.
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

    /// Returns the values of the statement `fail` after the event and its token.
    pub(super) fn values(&self) -> [Value<'_>; 3] {
        [
            Value::Int(database::milliseconds(self.pause)),
            Value::Text(Some(&self.text)),
            Value::Text(Some(self.state.name())),
        ]
    }

    /// Returns the name of the consequence in the log.
    pub(super) fn code(&self) -> &'static str {
        match self.state {
            State::Dead => "event-dead",
            _ => "attempt-failed",
        }
    }

    /// Returns the name of the consequence in the metrics.
    pub(super) fn outcome(&self) -> &'static str {
        match self.state {
            State::Dead => "dead",
            _ => "failed",
        }
    }
}
