//! What the crate tells `tracing`: a span for each attempt, and an event for each thing that went wrong.
//!
//! The fields have the names of those of `tower-svix`, so that a delivery and its attempts are found by one id.

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

/// Whether a character separates lines, changes the direction of a text, or is not seen.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

/// Reports what went wrong. A character in a handler's or a sender's text must not begin another line, nor hide a part of one.
pub(crate) fn error(code: &'static str, detail: &dyn fmt::Display) {
    let detail = detail.to_string();
    let detail: String = detail
        .chars()
        .map(|character| {
            if character.is_control() || is_invisible(character) {
                ' '
            } else {
                character
            }
        })
        .collect();
    tracing::error!(code, "{detail}");
}
