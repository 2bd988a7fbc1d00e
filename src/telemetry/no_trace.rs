//! What stands in for spans and events without the feature `tracing`: nothing.
#![allow(clippy::unused_self, reason = "the methods are those of the real one")]

use http::StatusCode;

use super::phase::Phase;

pub(super) struct Span;

impl Span {
    pub(super) fn none() -> Self {
        Self
    }

    pub(super) fn unverified() -> Self {
        Self
    }

    pub(super) fn verified() -> Self {
        Self
    }

    pub(super) fn enter(&self) -> impl Sized + use<> {}

    pub(super) fn record_phase(&self, _: Phase, _: f64) {}

    pub(super) fn is_enabled(&self) -> bool {
        false
    }

    pub(super) fn record_body_len(&self, _: usize) {}

    pub(super) fn record_event(&self, _: &str, _: Option<&str>, _: usize) {}

    pub(super) fn record_event_type(&self, _: &str) {}

    pub(super) fn record_outcome(&self, _: &'static str, _: Option<StatusCode>) {}
}

pub(super) fn may_be_observed() -> bool {
    false
}

#[cfg(any(feature = "axum", feature = "idempotency"))]
pub(crate) fn error(
    _: &'static str,
    _: &dyn std::fmt::Display,
    _: Option<&(dyn std::error::Error + 'static)>,
) {
}
