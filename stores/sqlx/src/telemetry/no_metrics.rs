//! The stand-in for metrics without the feature `metrics`, which does nothing.

use std::time::Duration;

pub(crate) fn received(_: &'static str) {}

pub(crate) fn started(_: Duration) {}

pub(crate) fn attempted(_: &'static str, _: Duration) {}

pub(crate) fn depth(_: &'static str, _: u64, _: Duration) {}
