//! The metrics. See the [table in the docs](crate::worker#metrics-and-traces).

use std::time::Duration;

pub(crate) fn received(outcome: &'static str) {
    metrics::counter!("webhook_inbox_total", "outcome" => outcome).increment(1);
}

/// Records the start of an attempt, `delay` after the event was stored.
pub(crate) fn started(delay: Duration) {
    metrics::histogram!("webhook_inbox_delay_seconds").record(delay);
}

pub(crate) fn attempted(outcome: &'static str, duration: Duration) {
    metrics::counter!("webhook_inbox_attempts_total", "outcome" => outcome).increment(1);
    metrics::histogram!("webhook_inbox_attempt_seconds").record(duration);
}

/// Records the number of events in a state, and the age of the oldest.
pub(crate) fn depth(state: &'static str, events: u64, oldest: Duration) {
    // Far from 2^53, from which on `f64` is inexact.
    #[allow(clippy::cast_precision_loss)]
    let events = events as f64;
    metrics::gauge!("webhook_inbox_events", "state" => state).set(events);
    metrics::gauge!("webhook_inbox_oldest_seconds", "state" => state).set(oldest.as_secs_f64());
}
