//! What an operator sees: a span for each attempt and log events with the feature `tracing`, numbers with the feature
//! `metrics`.
//!
//! Whatever depends on a feature is a module with a stand-in of the same items that do nothing, in the file `no_….rs`.

#[cfg(feature = "metrics")]
mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "no_metrics.rs"]
mod metrics;
#[cfg(feature = "tracing")]
mod trace;
#[cfg(not(feature = "tracing"))]
#[path = "no_trace.rs"]
mod trace;

pub(crate) use self::metrics::{attempted, depth, received, started};
pub(crate) use self::trace::{error, in_attempt};

/// Whether the depth of an inbox is reported.
pub(crate) const MEASURES: bool = cfg!(feature = "metrics");
