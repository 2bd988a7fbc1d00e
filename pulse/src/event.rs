//! The events of Pulse as types.

use std::fmt;
use std::time::Duration;

use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::envelope::Envelope;

/// An event of Pulse.
///
/// # Example
///
/// ```
/// use tower_svix::{PayloadError, VerifiedEvent};
/// use tower_svix_pulse::PulseEvent;
///
/// fn receive(event: &VerifiedEvent) -> Result<(), PayloadError> {
///     match event.json()? {
///         PulseEvent::Completed(event) => println!("{} is completed", event.data.job_id),
///         PulseEvent::Failed(event) => println!("{} failed", event.data.job_id),
///         other => println!("{} of {:?}", other.event_type(), other.job_id()),
///     }
///     Ok(())
/// }
/// ```
#[doc(alias = "webhook")]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PulseEvent {
    /// `job.created`: a new asynchronous job was created.
    Created(Envelope<Job>),
    /// `job.processing`: the job started.
    Processing(Envelope<Job>),
    /// `job.completed`: the job completed, and its result can be fetched.
    Completed(Envelope<CompletedJob>),
    /// `job.failed`: the job failed.
    Failed(Envelope<FailedJob>),
    /// `job.cancelled`: the job was cancelled.
    Cancelled(Envelope<Job>),
    /// An event of a type that this version of the crate does not know.
    Other(Envelope<Value>),
}

/// A job that was created, started or cancelled.
///
/// See [`PulseEvent`] for an example.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Job {
    /// The id of the job.
    pub job_id: JobId,
    /// The status of the job at the time of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<JobStatus>,
    /// All other fields.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A job that completed.
///
/// See [`PulseEvent`] for an example.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct CompletedJob {
    /// The id of the job.
    pub job_id: JobId,
    /// The status of the job at the time of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<JobStatus>,
    /// The number of pages that were processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages_processed: Option<u64>,
    /// The time that the job took. In JSON, this is a number of seconds with a fraction.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "seconds")]
    pub processing_time: Option<Duration>,
    /// All other fields.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A job that failed.
///
/// See [`PulseEvent`] for an example.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct FailedJob {
    /// The id of the job.
    pub job_id: JobId,
    /// The status of the job at the time of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<JobStatus>,
    /// The reason of the failure, as a text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// All other fields.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The id of a job, with which its result is fetched.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(transparent)]
pub struct JobId(String);

impl JobId {
    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for JobId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The status of a job.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum JobStatus {
    /// The job waits to be started.
    Pending,
    /// The job is being processed.
    Processing,
    /// The job completed.
    Completed,
    /// The job failed.
    Failed,
    /// The job was cancelled. Events spell it `cancelled`, the rest of the API `canceled`.
    #[serde(alias = "canceled")]
    Cancelled,
    /// A status that this version of the crate does not know.
    #[serde(untagged)]
    Other(String),
}

impl PulseEvent {
    /// Returns the type of the event, such as `job.completed`.
    #[must_use]
    pub fn event_type(&self) -> &str {
        match self {
            Self::Created(event) | Self::Processing(event) | Self::Cancelled(event) => {
                &event.event_type
            }
            Self::Completed(event) => &event.event_type,
            Self::Failed(event) => &event.event_type,
            Self::Other(event) => &event.event_type,
        }
    }

    /// Returns the id of the event's job. For an unknown type, this is the field `job_id` of the data, if it has one.
    #[must_use]
    pub fn job_id(&self) -> Option<&str> {
        match self {
            Self::Created(event) | Self::Processing(event) | Self::Cancelled(event) => {
                Some(event.data.job_id.as_str())
            }
            Self::Completed(event) => Some(event.data.job_id.as_str()),
            Self::Failed(event) => Some(event.data.job_id.as_str()),
            Self::Other(event) => event.data.get("job_id").and_then(Value::as_str),
        }
    }
}

impl<'de> Deserialize<'de> for PulseEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EventVisitor)
    }
}

/// Parses an event. If the type comes before the data, as Pulse sends it, the data is parsed directly from the input,
/// so that an error contains the path to the field.
struct EventVisitor;

impl<'de> Visitor<'de> for EventVisitor {
    type Value = PulseEvent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `type`, `timestamp` and `data`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PulseEvent, A::Error> {
        let (mut event_type, mut timestamp, mut data) = (None::<String>, None, None);
        let mut other = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "type" if event_type.is_some() => return Err(A::Error::duplicate_field("type")),
                "type" => event_type = Some(map.next_value()?),
                "timestamp" => timestamp = Some(map.next_value()?),
                // If the type has not come yet, the data is kept as a JSON value and converted at the end.
                "data" => {
                    let seed = DataOf(event_type.as_deref().unwrap_or_default());
                    data = Some(map.next_value_seed(seed)?);
                }
                _ => {
                    other.insert(key, map.next_value()?);
                }
            }
        }
        let event_type = event_type.ok_or_else(|| A::Error::missing_field("type"))?;
        let timestamp = timestamp.ok_or_else(|| A::Error::missing_field("timestamp"))?;
        let data = match data.ok_or_else(|| A::Error::missing_field("data"))? {
            Data::Other(value) => DataOf(&event_type)
                .deserialize(value)
                .map_err(A::Error::custom)?,
            data => data,
        };
        let envelope = Envelope {
            event_type,
            timestamp,
            data: (),
            other,
        };
        Ok(match data {
            Data::Created(job) => PulseEvent::Created(envelope.with_data(job)),
            Data::Processing(job) => PulseEvent::Processing(envelope.with_data(job)),
            Data::Completed(job) => PulseEvent::Completed(envelope.with_data(job)),
            Data::Failed(job) => PulseEvent::Failed(envelope.with_data(job)),
            Data::Cancelled(job) => PulseEvent::Cancelled(envelope.with_data(job)),
            Data::Other(data) => PulseEvent::Other(envelope.with_data(data)),
        })
    }
}

/// The data of an event. The variant depends on the type of the event.
enum Data {
    Created(Job),
    Processing(Job),
    Completed(CompletedJob),
    Failed(FailedJob),
    Cancelled(Job),
    Other(Value),
}

struct DataOf<'t>(&'t str);

impl<'de> DeserializeSeed<'de> for DataOf<'_> {
    type Value = Data;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data, D::Error> {
        match self.0 {
            "job.created" => Job::deserialize(deserializer).map(Data::Created),
            "job.processing" => Job::deserialize(deserializer).map(Data::Processing),
            "job.completed" => CompletedJob::deserialize(deserializer).map(Data::Completed),
            "job.failed" => FailedJob::deserialize(deserializer).map(Data::Failed),
            "job.cancelled" => Job::deserialize(deserializer).map(Data::Cancelled),
            _ => Value::deserialize(deserializer).map(Data::Other),
        }
    }
}

impl Envelope<()> {
    fn with_data<T>(self, data: T) -> Envelope<T> {
        Envelope {
            event_type: self.event_type,
            timestamp: self.timestamp,
            data,
            other: self.other,
        }
    }
}

/// A duration as a number of seconds with a fraction.
mod seconds {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Option::<f64>::deserialize(deserializer)?
            .map(|seconds| Duration::try_from_secs_f64(seconds).map_err(D::Error::custom))
            .transpose()
    }

    // The signature is serde's.
    #[allow(clippy::ref_option)]
    pub(super) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration
            .map(|duration| duration.as_secs_f64())
            .serialize(serializer)
    }
}
