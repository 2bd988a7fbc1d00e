//! The replacement for the metrics without the feature `metrics`. It does nothing.

use super::stopwatch::Stopwatch;

pub(super) fn verified(_: usize, _: &Stopwatch) {}

pub(super) fn rejected(_: &'static str) {}

#[cfg(feature = "idempotency")]
pub(crate) fn settled(_: &'static str) {}

#[cfg(feature = "idempotency")]
pub(crate) fn store_failed(_: &'static str) {}
