//! What stands in for spans and events without the feature `tracing`: nothing.
#![allow(clippy::unused_self, reason = "the methods are those of the real one")]

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::phase::Phase;

pub(super) struct Span;

impl Span {
    pub(super) fn new() -> Self {
        Self
    }

    pub(super) fn enter(&self) -> impl Sized + use<> {}

    pub(super) fn record_phase(&self, _: Phase, _: Duration) {}

    pub(super) fn is_enabled(&self) -> bool {
        false
    }

    pub(super) fn record_body_len(&self, _: usize) {}

    pub(super) fn record_event(&self, _: &str, _: Option<&str>, _: usize) {}

    pub(super) fn record_event_type(&self, _: &str) {}

    pub(super) fn record_outcome(&self, _: &'static str, _: Option<StatusCode>) {}
}

pub(super) fn rejected(
    _: &'static str,
    _: &dyn fmt::Display,
    _: bool,
    _: Option<&(dyn Error + 'static)>,
) {
}

#[cfg(any(feature = "axum", feature = "idempotency"))]
pub(crate) fn error(_: &'static str, _: &dyn fmt::Display) {}
