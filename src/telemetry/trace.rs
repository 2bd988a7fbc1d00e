//! The output for `tracing`: a span for each delivery, and an event for each problem.
//!
//! The fields of the span have the names of OpenTelemetry's [semantic conventions for messaging][otel], where these
//! define one. The id and the type are recorded once they are verified. Nothing that an unverified sender controls is
//! recorded, with two exceptions: the distance of its timestamp from now, and any part of the request that the error of
//! a lookup repeats.
//!
//! [otel]: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::StatusCode;
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::span::EnteredSpan;

use super::cause::Cause;
use super::phase::Phase;

/// The spans of a delivery: one until it is verified, and another one after that. The first has a lower level, because
/// anyone can send requests that are rejected.
pub(super) struct Span {
    /// `None` if no subscriber listens: `tracing` looks fields up by their names even in a disabled span.
    current: Option<tracing::Span>,
    may_be_observed: bool,
    /// The seconds that the first phases took, for the span that begins when the delivery is verified. They are `f32`,
    /// because the future of a request is moved a few times and should be small.
    keys: f32,
    body: f32,
}

/// Keeps the span entered until it is dropped.
#[must_use]
pub(crate) struct Entered(Option<EnteredSpan>);

impl Span {
    /// Starts the span of a request that is not verified yet.
    pub(super) fn start() -> Self {
        let may_be_observed = LevelFilter::current() >= LevelFilter::INFO;
        Self {
            current: if may_be_observed { unverified() } else { None },
            may_be_observed,
            keys: 0.0,
            body: 0.0,
        }
    }

    /// Returns whether a subscriber may listen to any of its spans.
    pub(super) fn may_be_observed(&self) -> bool {
        self.may_be_observed
    }

    /// Begins the span of a verified delivery, in which the inner service runs.
    #[inline]
    pub(super) fn verified(&mut self, entered: &mut Entered, body_len: usize) {
        if self.may_be_observed {
            self.begin_verified(entered, body_len);
        }
    }

    #[cold]
    fn begin_verified(&mut self, entered: &mut Entered, body_len: usize) {
        self.record_outcome("verified", None);
        // Otherwise the old span would become the parent of the new one.
        entered.0 = None;
        self.current = verified();
        *entered = self.enter();
        self.record(KEYS, f64::from(self.keys));
        self.record(BODY, f64::from(self.body));
        self.record("messaging.message.body.size", body_len);
    }

    #[inline]
    pub(super) fn enter(&self) -> Entered {
        Entered(self.current.clone().map(tracing::Span::entered))
    }

    /// Records the duration of a phase, in seconds, as in the conventions.
    #[cold]
    pub(super) fn end_of(&mut self, phase: Phase, duration: Duration) {
        let field = match phase {
            Phase::Keys => {
                self.keys = duration.as_secs_f32();
                KEYS
            }
            Phase::Body => {
                self.body = duration.as_secs_f32();
                BODY
            }
            Phase::Capacity => "webhook.capacity.duration",
            Phase::Handler => "webhook.handler.duration",
        };
        self.record(field, duration.as_secs_f64());
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.current.is_some()
    }

    fn record(&self, field: &'static str, value: impl tracing::Value) {
        if let Some(span) = &self.current {
            span.record(field, value);
        }
    }

    pub(super) fn record_event(&self, id: &str, tenant: Option<&str>, key_index: usize) {
        self.record("messaging.message.id", id);
        self.record("webhook.key_index", key_index);
        if let Some(tenant) = tenant {
            self.record("webhook.tenant", tenant);
        }
    }

    pub(super) fn record_event_type(&self, event_type: &str) {
        self.record("webhook.event.type", event_type);
    }

    pub(super) fn record_outcome(&self, outcome: &'static str, status: Option<StatusCode>) {
        self.record("webhook.outcome", outcome);
        if let Some(status) = status {
            self.record("http.response.status_code", status.as_u16());
        }
        if outcome != "verified" {
            self.record("error.type", outcome);
        }
    }
}

const KEYS: &str = "webhook.keys.duration";
const BODY: &str = "webhook.body.duration";

#[cold]
fn unverified() -> Option<tracing::Span> {
    unless_disabled(tracing::debug_span!(
        "webhook.verification",
        http.response.status_code = Empty,
        error.r#type = Empty,
        webhook.outcome = Empty,
        webhook.keys.duration = Empty,
        webhook.body.duration = Empty,
    ))
}

fn verified() -> Option<tracing::Span> {
    unless_disabled(tracing::info_span!(
        "webhook",
        otel.kind = "consumer",
        messaging.operation.name = "receive",
        messaging.message.id = Empty,
        messaging.message.body.size = Empty,
        http.response.status_code = Empty,
        error.r#type = Empty,
        webhook.event.r#type = Empty,
        webhook.tenant = Empty,
        webhook.key_index = Empty,
        webhook.outcome = Empty,
        webhook.keys.duration = Empty,
        webhook.body.duration = Empty,
        webhook.capacity.duration = Empty,
        webhook.handler.duration = Empty,
    ))
}

fn unless_disabled(span: tracing::Span) -> Option<tracing::Span> {
    (!span.is_disabled()).then_some(span)
}

/// Returns whether a subscriber may listen to [`rejected`] and [`suppressed`].
// Not `enabled!`: if no event follows it, per-layer filters of `tracing-subscriber` use its answer for the next event
// of the thread, which may come from other code.
pub(super) fn is_logged(is_ours: bool) -> bool {
    let level = if is_ours {
        LevelFilter::ERROR
    } else {
        LevelFilter::WARN
    };
    LevelFilter::current() >= level
}

/// Logs that a request was rejected, and why, and how many rejections for the same reason were suppressed since the
/// last line.
///
/// The level is WARN, because nothing else shows that genuine deliveries are rejected, for example because of a wrong
/// secret. It is ERROR if the receiver is at fault.
pub(super) fn rejected(
    code: &'static str,
    detail: &dyn fmt::Display,
    is_ours: bool,
    cause: Option<&(dyn Error + 'static)>,
    suppressed: u64,
) {
    let suppressed = (suppressed > 0).then_some(suppressed);
    match cause.map(Cause) {
        Some(cause) => tracing::error!(code, suppressed, "webhook rejected: {detail}: {cause}"),
        None if is_ours => tracing::error!(code, suppressed, "webhook rejected: {detail}"),
        None => tracing::warn!(code, suppressed, "webhook rejected: {detail}"),
    }
}

/// Logs how many rejections were suppressed.
pub(super) fn suppressed(code: &'static str, is_ours: bool, suppressed: u64) {
    const MESSAGE: &str = "webhooks rejected, and not logged one by one";
    // No parent: the current delivery is not one of them.
    if is_ours {
        tracing::error!(parent: None, code, suppressed, "{MESSAGE}");
    } else {
        tracing::warn!(parent: None, code, suppressed, "{MESSAGE}");
    }
}

/// Logs an error of the receiver, and its cause. `detail` may contain the key of an event, which is escaped.
#[cfg(any(feature = "axum", feature = "idempotency"))]
pub(crate) fn error(
    code: &'static str,
    detail: &dyn fmt::Display,
    cause: Option<&(dyn Error + 'static)>,
) {
    if let Some(cause) = cause.map(Cause) {
        tracing::error!(code, "{detail}: {cause}");
    } else {
        tracing::error!(code, "{detail}");
    }
}
