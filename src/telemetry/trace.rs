//! What the crate tells `tracing`: a span for each delivery, and an event for each thing that went wrong.
//!
//! The fields of the span have the names of OpenTelemetry's [semantic conventions for messaging][otel], where these have
//! one. Nothing that an unverified sender can fill is told, unless the error of a lookup repeats it, but how far its timestamp
//! is from now: the id and the type are recorded once they are verified.
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

/// The span of a delivery until it is verified, and another one from then on: anyone can send requests that are rejected, so
/// theirs are for those who look closer.
pub(super) struct Span {
    /// `None` if no subscriber listens: even then, `tracing` would look fields up by their names.
    current: Option<tracing::Span>,
    may_be_observed: bool,
    /// How many seconds the phases took before the delivery was verified, for the span that begins then. The future of a
    /// request is moved a few times, so these are short.
    keys: f32,
    body: f32,
}

/// While it is there, what happens is a part of the span.
#[must_use]
pub(crate) struct Entered(Option<EnteredSpan>);

impl Span {
    /// The span of a request that is not verified.
    pub(super) fn start() -> Self {
        let may_be_observed = LevelFilter::current() >= LevelFilter::INFO;
        Self {
            current: if may_be_observed { unverified() } else { None },
            may_be_observed,
            keys: 0.0,
            body: 0.0,
        }
    }

    /// Whether anyone may listen to any of its spans.
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
        // Otherwise the one would be the parent of the other.
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

    /// In seconds, as in the conventions.
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

/// Whether anyone may listen to [`rejected`] and [`suppressed`].
// Not `enabled!`: if no event follows it, filters of single layers in `tracing-subscriber` take its answer for that to the
// next event of the thread, whoever's that is.
pub(super) fn is_logged(is_ours: bool) -> bool {
    let level = if is_ours {
        LevelFilter::ERROR
    } else {
        LevelFilter::WARN
    };
    LevelFilter::current() >= level
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
    // The delivery at hand is not one of them.
    if is_ours {
        tracing::error!(parent: None, code, suppressed, "{MESSAGE}");
    } else {
        tracing::warn!(parent: None, code, suppressed, "{MESSAGE}");
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
