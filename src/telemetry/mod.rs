//! What can be seen of a delivery from outside: a span with the feature `tracing`, and numbers with the feature
//! `metrics`. Without them it is all empty, and costs nothing.

pub(crate) mod log;
pub(crate) mod meter;
#[cfg(not(feature = "tracing"))]
#[path = "no_span.rs"]
mod span;
#[cfg(feature = "tracing")]
mod span;
// `Instant::now` panics on `wasm32-unknown-unknown`, which has no clock of its own.
#[cfg(any(
    not(any(feature = "metrics", feature = "tracing")),
    all(target_family = "wasm", target_os = "unknown")
))]
#[path = "no_stopwatch.rs"]
mod stopwatch;
#[cfg(all(
    any(feature = "metrics", feature = "tracing"),
    not(all(target_family = "wasm", target_os = "unknown"))
))]
mod stopwatch;

use http::StatusCode;

use self::span::Span;
use self::stopwatch::Stopwatch;
use crate::signature::VerifiedEvent;
use crate::verify::Rejection;

/// What is observed of one delivery, from the moment its headers are there to the response.
pub(crate) struct Delivery {
    span: Span,
    /// A lap is a phase.
    stopwatch: Stopwatch,
}

/// What a delivery spends its time with.
#[derive(Clone, Copy)]
pub(crate) enum Phase {
    /// The lookup of the keys.
    Keys,
    /// The arrival of the body, and the hash over it.
    Body,
    /// The wait until the inner service has room.
    Capacity,
    /// The inner service.
    Handler,
}

impl Delivery {
    pub(crate) fn start() -> Self {
        Self {
            span: Span::new(),
            stopwatch: Stopwatch::start(),
        }
    }

    /// Makes what happens until the guard is dropped a part of the delivery.
    pub(crate) fn enter(&self) -> impl Drop + use<> {
        self.span.enter()
    }

    /// Ends a phase, and starts the next.
    pub(crate) fn end_of(&mut self, phase: Phase) {
        self.span.record_phase(phase, self.stopwatch.lap());
    }

    pub(crate) fn verified(&self, event: &VerifiedEvent) {
        self.span.record_event(event);
        meter::verified(event.payload().len(), self.stopwatch.total());
    }

    pub(crate) fn refused(&self, rejection: &Rejection, status: StatusCode) {
        self.span.record_outcome(rejection.code(), Some(status));
        meter::refused(rejection.code());
        log::refused(rejection);
    }

    pub(crate) fn answered(&self, status: StatusCode) {
        self.span.record_outcome("verified", Some(status));
    }

    /// The inner service failed, so there is no response.
    pub(crate) fn failed(&self) {
        self.span.record_outcome("inner-service-failed", None);
    }
}
