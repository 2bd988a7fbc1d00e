//! Telemetry: with the feature `tracing`, a span for each attempt and log events; with the feature `metrics`, metrics.
//!
//! Each module that depends on a feature has a stand-in with the same items, which do nothing, in the file `no_….rs`.

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

/// Whether the depth of an inbox is measured and reported.
pub(crate) const MEASURES: bool = cfg!(feature = "metrics");
