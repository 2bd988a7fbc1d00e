//! What the crate tells `tracing`: nothing that an unverified sender can fill, and nothing at all without the feature.

use crate::verify::Rejection;

/// Says that a request was refused, and why.
///
/// Anyone can send a forged request, so this is no warning; that we could not tell whether one is forged is an error.
#[cfg(feature = "tracing")]
pub(crate) fn refused(rejection: &Rejection) {
    let code = rejection.code();
    if rejection.status().is_server_error() {
        tracing::error!(code, "webhook refused: {rejection}");
    } else {
        tracing::debug!(code, "webhook refused: {rejection}");
    }
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn refused(_: &Rejection) {}

/// Says that a handler asks for an event on a route that no layer verifies.
#[cfg(all(feature = "axum", feature = "tracing"))]
pub(crate) fn event_missing(error: crate::extract::MissingEvent) {
    tracing::error!(code = "event-missing", "{error}");
}

#[cfg(all(feature = "axum", not(feature = "tracing")))]
pub(crate) fn event_missing(_: crate::extract::MissingEvent) {}

/// Says what went wrong around an event. Its id may be in there: the event is verified, and ids are visible ASCII.
#[cfg(all(feature = "idempotency", feature = "tracing"))]
pub(crate) fn reported(report: &crate::idempotency::Report<'_>) {
    let code = report.code();
    tracing::error!(code, "{report}");
}

#[cfg(all(feature = "idempotency", not(feature = "tracing")))]
pub(crate) fn reported(_: &crate::idempotency::Report<'_>) {}
