//! The payload that Standard Webhooks recommends.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A payload with a `type`, a `timestamp`, and `data` of the type `T`, as [Standard Webhooks] recommends.
///
/// Whatever else stands beside these three is kept: a sender adds fields before its receivers know them.
///
/// # Example
///
/// ```
/// use serde::Deserialize;
/// use tower_svix::{PayloadError, VerifiedEvent};
/// use tower_svix_pulse::Envelope;
///
/// #[derive(Deserialize)]
/// struct Invoice {
///     amount_cents: u64,
/// }
///
/// fn receive(event: &VerifiedEvent) -> Result<(), PayloadError> {
///     let paid: Envelope<Invoice> = event.json()?;
///     println!("{} at {}: {}", paid.event_type, paid.timestamp, paid.data.amount_cents);
///     Ok(())
/// }
/// ```
///
/// [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#payload-structure
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Envelope<T> {
    /// What happened, such as `job.completed`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it happened. The time of the delivery is another: see
    /// [`VerifiedEvent::timestamp`](tower_svix::VerifiedEvent::timestamp).
    pub timestamp: Timestamp,
    /// What it happened to.
    pub data: T,
    /// Every other field.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}
