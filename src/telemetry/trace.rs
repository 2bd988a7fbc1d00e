//! What the crate tells `tracing`: a span for each delivery, and an event for each thing that went wrong.
//!
//! The fields of the span have the names of OpenTelemetry's [semantic conventions for messaging][otel], where these have
//! one. Nothing that an unverified sender can fill is told, unless the error of a lookup repeats it: the id and the type
//! are recorded once they are verified.
//!
//! [otel]: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::cause::Cause;
use super::phase::Phase;

/// `None` if no subscriber listens: even then, `tracing` would look fields up by their names.
pub(super) struct Span(Option<tracing::Span>);

impl Span {
    pub(super) fn new() -> Self {
        use tracing::field::Empty;

        let span = tracing::info_span!(
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
        );
        Self((!span.is_disabled()).then_some(span))
    }

    pub(super) fn enter(&self) -> impl Sized + use<> {
        self.0.clone().map(tracing::Span::entered)
    }

    /// Durations are in seconds, as in the conventions.
    pub(super) fn record_phase(&self, phase: Phase, duration: Duration) {
        let field = match phase {
            Phase::Keys => "webhook.keys.duration",
            Phase::Body => "webhook.body.duration",
            Phase::Capacity => "webhook.capacity.duration",
            Phase::Handler => "webhook.handler.duration",
        };
        self.record(field, duration.as_secs_f64());
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

/// Says that a request was rejected, and why.
///
/// Anyone can send a forged request, so this is no warning; that we could not tell whether one is forged is an error.
pub(super) fn rejected(
    code: &'static str,
    detail: &dyn fmt::Display,
    is_ours: bool,
    cause: Option<&(dyn Error + 'static)>,
) {
    match cause.map(Cause) {
        Some(cause) => tracing::error!(code, "webhook rejected: {detail}: {cause}"),
        None if is_ours => tracing::error!(code, "webhook rejected: {detail}"),
        None => tracing::debug!(code, "webhook rejected: {detail}"),
    }
}

/// Says what went wrong on the receiver's side. The key of an event may be in there, which is shown escaped.
#[cfg(any(feature = "axum", feature = "idempotency"))]
pub(crate) fn error(code: &'static str, detail: &dyn fmt::Display) {
    tracing::error!(code, "{detail}");
}
