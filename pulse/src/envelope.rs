//! The form of payload that Standard Webhooks recommends.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A payload with a `type`, a `timestamp`, and `data` of the type `T`, as [Standard Webhooks] recommends.
///
/// All other top-level fields are kept in `other`, because a sender may add fields before its receivers know them.
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
#[doc(alias = "standard webhooks")]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Envelope<T> {
    /// The type of the event, such as `job.completed`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The time of the event. For the time of the delivery, see
    /// [`VerifiedEvent::timestamp`](tower_svix::VerifiedEvent::timestamp).
    pub timestamp: Timestamp,
    /// The data of the event.
    pub data: T,
    /// All other fields.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}
