//! What the crate tells `tracing`: a span for each delivery, and an event for each thing that went wrong.
//!
//! The fields of the span have the names of OpenTelemetry's [semantic conventions for messaging][otel], where these have
//! one. Nothing that an unverified sender can fill is told, unless the error of a lookup repeats it, but how far its timestamp
//! is from now: the id and the type are recorded once they are verified.
//!
//! [otel]: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/

use std::error::Error;
use std::fmt;

use http::StatusCode;
use tracing::Level;
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;

use super::cause::Cause;
use super::phase::Phase;

/// The span of a delivery until it is verified, and another one from then on: anyone can send requests that are rejected, so
/// theirs are for those who look closer.
///
/// `None` if no subscriber listens: even then, `tracing` would look fields up by their names.
pub(super) struct Span(Option<tracing::Span>);

impl Span {
    /// None, since nobody listens.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// The span of a request that is not verified.
    pub(super) fn unverified() -> Self {
        Self::unless_disabled(tracing::debug_span!(
            "webhook.verification",
            http.response.status_code = Empty,
            error.r#type = Empty,
            webhook.outcome = Empty,
            webhook.keys.duration = Empty,
            webhook.body.duration = Empty,
        ))
    }

    /// The span of a verified delivery, in which the inner service runs.
    pub(super) fn verified() -> Self {
        Self::unless_disabled(tracing::info_span!(
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

    fn unless_disabled(span: tracing::Span) -> Self {
        Self((!span.is_disabled()).then_some(span))
    }

    pub(super) fn enter(&self) -> impl Sized + use<> {
        self.0.clone().map(tracing::Span::entered)
    }

    /// In seconds, as in the conventions.
    pub(super) fn record_phase(&self, phase: Phase, seconds: f64) {
        let field = match phase {
            Phase::Keys => "webhook.keys.duration",
            Phase::Body => "webhook.body.duration",
            Phase::Capacity => "webhook.capacity.duration",
            Phase::Handler => "webhook.handler.duration",
        };
        self.record(field, seconds);
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    fn record(&self, field: &'static str, value: impl tracing::Value) {
        if let Some(span) = &self.0 {
            span.record(field, value);
        }
    }

    pub(super) fn record_body_len(&self, body_len: usize) {
        self.record("messaging.message.body.size", body_len);
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

/// Whether anyone may listen to the spans of verified deliveries.
pub(super) fn may_be_observed() -> bool {
    LevelFilter::current() >= LevelFilter::INFO
}

/// Whether anyone listens to [`rejected`] and [`suppressed`].
pub(super) fn is_logged(is_ours: bool) -> bool {
    if is_ours {
        tracing::enabled!(Level::ERROR)
    } else {
        tracing::enabled!(Level::WARN)
    }
}

/// Says that a request was rejected, and why, and how many others were for the same reason since this was last said.
///
/// This is a warning, since nothing else tells that genuine deliveries are rejected, as under a wrong secret. That we could
/// not judge one is an error.
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

/// Says how many rejections were not logged one by one.
pub(super) fn suppressed(code: &'static str, is_ours: bool, suppressed: u64) {
    const MESSAGE: &str = "webhooks rejected, and not logged one by one";
    if is_ours {
        tracing::error!(code, suppressed, "{MESSAGE}");
    } else {
        tracing::warn!(code, suppressed, "{MESSAGE}");
    }
}

/// Says what went wrong on the receiver's side, and because of what. The key of an event may be in there, which is shown
/// escaped.
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
