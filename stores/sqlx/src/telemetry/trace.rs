//! The output to `tracing`: a span for each attempt, and a log event for each failure.
//!
//! The fields have the same names as in `tower-svix`, so that one id finds a delivery and its attempts.

use std::fmt;

use tracing::Instrument as _;

use crate::inbox::StoredEvent;

/// Runs `work` in the span of an attempt.
pub(crate) fn in_attempt<F: Future>(
    event: &StoredEvent,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    let span = tracing::info_span!(
        "webhook_attempt",
        otel.kind = "consumer",
        messaging.operation.name = "process",
        messaging.message.id = event.id(),
        messaging.message.body.size = event.payload().len(),
        webhook.event.r#type = event.event_type(),
        webhook.tenant = event.tenant(),
        webhook.number = event.number(),
        webhook.attempt = event.attempt(),
    );
    work.instrument(span)
}

/// Reports a failure. Escapes characters in a handler's or sender's text that could begin another line or hide a part of
/// one.
pub(crate) fn error(code: &'static str, detail: &dyn fmt::Display) {
    let detail = detail.to_string();
    let mut line = String::with_capacity(detail.len());
    for character in detail.chars() {
        match character {
            // `escape_debug` escapes these, too, although they are visible.
            '"' | '\'' | '\\' => line.push(character),
            _ => line.extend(character.escape_debug()),
        }
    }
    tracing::error!(code, "{line}");
}
