//! The span of a delivery.
//!
//! Its fields have the names of OpenTelemetry's [semantic conventions for messaging][otel], where these have one. Nothing
//! that an unverified sender can fill is recorded: the id and the type are, once they are verified.
//!
//! [otel]: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/

use std::time::Duration;

use http::StatusCode;

use super::Phase;
use crate::signature::VerifiedEvent;

pub(super) struct Span(tracing::Span);

impl Span {
    pub(super) fn new() -> Self {
        use tracing::field::Empty;

        Self(tracing::info_span!(
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

    pub(super) fn enter(&self) -> impl Drop + use<> {
        self.0.clone().entered()
    }

    /// Durations are in seconds, as in the conventions.
    pub(super) fn record_phase(&self, phase: Phase, duration: Duration) {
        let field = match phase {
            Phase::Keys => "webhook.keys.duration",
            Phase::Body => "webhook.body.duration",
            Phase::Capacity => "webhook.capacity.duration",
            Phase::Handler => "webhook.handler.duration",
        };
        self.0.record(field, duration.as_secs_f64());
    }

    pub(super) fn record_event(&self, event: &VerifiedEvent) {
        if self.0.is_disabled() {
            return;
        }
        self.0.record("messaging.message.id", event.id());
        self.0
            .record("messaging.message.body.size", event.payload().len());
        self.0.record("webhook.key_index", event.key_index());
        if let Some(tenant) = event.keyring_name() {
            self.0.record("webhook.tenant", tenant);
        }
        // To look for the type takes a walk through the payload, which is not worth it in a long one.
        #[cfg(feature = "json")]
        if event.payload().len() <= 64 * 1024
            && let Ok(event_type) = event.event_type()
        {
            self.0.record("webhook.event.type", &*event_type);
        }
    }

    pub(super) fn record_outcome(&self, outcome: &'static str, status: Option<StatusCode>) {
        self.0.record("webhook.outcome", outcome);
        if let Some(status) = status {
            self.0.record("http.response.status_code", status.as_u16());
        }
        if outcome != "verified" {
            self.0.record("error.type", outcome);
        }
    }
}
