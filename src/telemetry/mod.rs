//! Telemetry for operators: with the feature `tracing`, a span for each delivery and log events; with the feature
//! `metrics`, metrics.
//!
//! Other modules pass codes, texts, sizes and durations to this module, which depends on no other module. Each module that
//! depends on a feature or a platform has a replacement in a file `no_….rs`, with the same items, which do nothing.

#[cfg(feature = "tracing")]
mod cause;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "no_metrics.rs"]
mod metrics;
mod phase;
#[cfg(feature = "tracing")]
mod rejection_log;
#[cfg(not(feature = "tracing"))]
#[path = "no_rejection_log.rs"]
mod rejection_log;
// `Instant::now` panics on `wasm32-unknown-unknown`, which has no clock.
#[cfg(all(
    any(feature = "metrics", feature = "tracing"),
    not(all(target_family = "wasm", target_os = "unknown"))
))]
mod stopwatch;
#[cfg(not(all(
    any(feature = "metrics", feature = "tracing"),
    not(all(target_family = "wasm", target_os = "unknown"))
)))]
#[path = "no_stopwatch.rs"]
mod stopwatch;
#[cfg(feature = "tracing")]
mod throttle;
#[cfg(feature = "tracing")]
mod trace;
#[cfg(not(feature = "tracing"))]
#[path = "no_trace.rs"]
mod trace;

use std::error::Error;
use std::fmt;

use http::StatusCode;

pub(crate) use self::phase::Phase;
pub(crate) use self::rejection_log::RejectionLog;
use self::stopwatch::Stopwatch;
pub(crate) use self::trace::Entered;
use self::trace::Span;
use crate::clock::Clock;

#[cfg(feature = "idempotency")]
pub(crate) use self::metrics::{settled, store_failed};
#[cfg(any(feature = "axum", feature = "idempotency"))]
pub(crate) use self::trace::error;

/// The telemetry of one delivery, from its headers to its response.
pub(crate) struct DeliverySpan {
    span: Span,
    /// Each lap is a phase.
    stopwatch: Stopwatch,
}

impl DeliverySpan {
    #[inline]
    pub(crate) fn start() -> Self {
        let span = Span::start();
        let stopwatch = Stopwatch::start(cfg!(feature = "metrics") || span.may_be_observed());
        Self { span, stopwatch }
    }

    /// Enters the span until the guard is dropped.
    pub(crate) fn enter(&self) -> Entered {
        self.span.enter()
    }

    /// Ends a phase, and starts the next one.
    pub(crate) fn end_of(&mut self, phase: Phase) {
        if self.span.may_be_observed() {
            self.span.end_of(phase, self.stopwatch.lap());
        }
    }

    /// Returns whether a subscriber listens to what [`event`](Self::event) and [`event_type`](Self::event_type) record.
    pub(crate) fn is_enabled(&self) -> bool {
        self.span.is_enabled()
    }

    /// Records what identifies a verified event.
    pub(crate) fn event(&self, id: &str, tenant: Option<&str>, key_index: usize) {
        self.span.record_event(id, tenant, key_index);
    }

    pub(crate) fn event_type(&self, event_type: &str) {
        self.span.record_event_type(event_type);
    }

    /// Reports that the delivery is verified. It gets a new span, which is entered instead of the old one. `body_len`
    /// is in bytes.
    pub(crate) fn verified(
        &mut self,
        entered: &mut Entered,
        log: &RejectionLog,
        clock: &dyn Clock,
        body_len: usize,
    ) {
        log.verified(clock);
        metrics::verified(body_len, &self.stopwatch);
        self.span.verified(entered, body_len);
    }

    /// Reports that the request was rejected because of `code`, or `detail` in prose, and answered with `status`.
    ///
    /// `is_ours` means that the receiver is at fault, whatever the sender is told. `cause` is the error behind it.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is another fact about the rejection"
    )]
    pub(crate) fn rejected(
        &self,
        log: &RejectionLog,
        clock: &dyn Clock,
        code: &'static str,
        detail: &dyn fmt::Display,
        is_ours: bool,
        cause: Option<&(dyn Error + 'static)>,
        status: StatusCode,
    ) {
        self.span.record_outcome(code, Some(status));
        metrics::rejected(code);
        log.rejected(clock, code, detail, is_ours, cause);
    }

    pub(crate) fn answered(&self, status: StatusCode) {
        self.span.record_outcome("verified", Some(status));
    }

    /// Reports that the inner service failed, so that there is no response.
    pub(crate) fn failed(&self) {
        self.span.record_outcome("inner-service-failed", None);
    }
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    // No unit test sets a subscriber. Among the other tests, there is always one.
    #[test]
    fn the_time_is_measured_for_the_metrics_although_no_subscriber_asks() {
        let span = DeliverySpan::start();
        assert!(!span.span.may_be_observed());
        sleep(Duration::from_millis(1));
        assert!(span.stopwatch.total() > Duration::ZERO);
    }
}
