//! Reports to operators.

use std::error::Error;
use std::fmt;

use super::key::EventKey;
use super::store::StoreError;
use crate::telemetry;

/// A problem that the response of the inner service does not show.
#[derive(Debug)]
pub(super) enum Report<'a> {
    EventMissing,
    ClaimFailed(&'a EventKey, &'a StoreError),
    CompletionFailed(&'a EventKey, &'a StoreError),
    ReleaseFailed(&'a EventKey, &'a StoreError),
    Superseded(&'a EventKey),
    PayloadDiffers(&'a EventKey),
    LayersShareStore(&'a EventKey),
}

/// Reports a problem to operators, in the log and in the metrics.
pub(super) fn report(report: &Report<'_>) {
    telemetry::error(report.code(), report, report.cause());
    match report {
        Report::ClaimFailed(..) => telemetry::store_failed("claim"),
        Report::CompletionFailed(..) => telemetry::store_failed("complete"),
        Report::ReleaseFailed(..) => telemetry::store_failed("release"),
        Report::EventMissing
        | Report::Superseded(_)
        | Report::PayloadDiffers(_)
        | Report::LayersShareStore(_) => {}
    }
}

impl Report<'_> {
    fn code(&self) -> &'static str {
        match self {
            Self::EventMissing => "event-missing",
            Self::ClaimFailed(..) => "claim-failed",
            Self::CompletionFailed(..) => "completion-failed",
            Self::ReleaseFailed(..) => "release-failed",
            Self::Superseded(_) => "superseded",
            Self::PayloadDiffers(_) => "payload-differs",
            Self::LayersShareStore(_) => "layers-share-store",
        }
    }

    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::ClaimFailed(_, error)
            | Self::CompletionFailed(_, error)
            | Self::ReleaseFailed(_, error) => Some(*error),
            Self::EventMissing
            | Self::Superseded(_)
            | Self::PayloadDiffers(_)
            | Self::LayersShareStore(_) => None,
        }
    }
}

/// Leaves out the cause, which is logged separately.
impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EventMissing => f.write_str(
                "IdempotencyLayer is not inside SvixVerifyLayer: nothing is processed on this route",
            ),
            Self::ClaimFailed(key, _) => write!(f, "cannot tell whether {key} was processed"),
            Self::CompletionFailed(key, _) => {
                write!(f, "{key} was processed, but may be processed again")
            }
            Self::ReleaseFailed(key, _) => {
                write!(f, "{key} has to wait until its lease has passed")
            }
            Self::Superseded(key) => {
                write!(f, "{key} took longer than its lease, and was claimed again since")
            }
            Self::PayloadDiffers(key) => write!(
                f,
                "{key} was processed with another payload: if these are two events, set IdempotencyLayer::key"
            ),
            Self::LayersShareStore(key) => write!(
                f,
                "{key} is held by an outer IdempotencyLayer in the store of the inner one: nothing is processed on \
                 this route"
            ),
        }
    }
}
