//! The replacement for spans and events without the feature `tracing`. It does nothing.
#![allow(clippy::unused_self, reason = "the methods are those of the real one")]

use std::time::Duration;

use http::StatusCode;

use super::phase::Phase;

pub(super) struct Span;

pub(crate) struct Entered;

impl Span {
    pub(super) fn start() -> Self {
        Self
    }

    pub(super) fn may_be_observed(&self) -> bool {
        false
    }

    pub(super) fn verified(&mut self, _: &mut Entered, _: usize) {}

    pub(super) fn enter(&self) -> Entered {
        Entered
    }

    pub(super) fn end_of(&mut self, _: Phase, _: Duration) {}

    pub(super) fn is_enabled(&self) -> bool {
        false
    }

    pub(super) fn record_event(&self, _: &str, _: Option<&str>, _: usize) {}

    pub(super) fn record_event_type(&self, _: &str) {}

    pub(super) fn record_outcome(&self, _: &'static str, _: Option<StatusCode>) {}
}

#[cfg(any(feature = "axum", feature = "idempotency"))]
pub(crate) fn error(
    _: &'static str,
    _: &dyn std::fmt::Display,
    _: Option<&(dyn std::error::Error + 'static)>,
) {
}
