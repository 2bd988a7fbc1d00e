//! The metrics of the feature `metrics`: see the [table in the docs](crate::verify#metrics-and-traces).

use super::stopwatch::Stopwatch;

pub(super) fn verified(body_len: usize, stopwatch: &Stopwatch) {
    let verification = stopwatch.total();
    // `f64` is exact up to 2^53, and bodies are far shorter.
    #[allow(clippy::cast_precision_loss)]
    let body_bytes = body_len as f64;
    metrics::counter!("webhook_deliveries_total", "outcome" => "verified").increment(1);
    metrics::histogram!("webhook_body_bytes").record(body_bytes);
    metrics::histogram!("webhook_verification_seconds").record(verification);
}

pub(super) fn rejected(code: &'static str) {
    metrics::counter!("webhook_deliveries_total", "outcome" => code).increment(1);
}

/// Counts the outcome of a delivery that was checked for duplicates.
#[cfg(feature = "idempotency")]
pub(crate) fn settled(outcome: &'static str) {
    metrics::counter!("webhook_idempotency_total", "outcome" => outcome).increment(1);
}

/// Counts a failure of the idempotency store.
#[cfg(feature = "idempotency")]
pub(crate) fn store_failed(operation: &'static str) {
    metrics::counter!("webhook_store_errors_total", "operation" => operation).increment(1);
}
