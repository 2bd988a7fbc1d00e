//! The payload that Standard Webhooks recommends.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A payload with a `type`, a `timestamp`, and `data` of the type `T`.
///
/// See the [module docs](crate::events) for an example.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Envelope<T> {
    /// What happened, such as `job.completed`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it happened. The time of the delivery is another: see
    /// [`VerifiedEvent::timestamp`](crate::VerifiedEvent::timestamp).
    pub timestamp: Timestamp,
    /// What it happened to.
    pub data: T,
    /// Every other field.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}
