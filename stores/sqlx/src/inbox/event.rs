//! An event as a worker passes it to its handler.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tower_svix::VerifiedEvent;

use super::columns::{count, milliseconds, time};
use super::state::State;
use crate::engine::Engine;

/// An event that was verified and stored, in one attempt to process it.
///
/// A [`Worker`](crate::Worker) passes it to its handler. See the [module docs](crate::worker#example) for an example.
#[doc(alias = "job")]
#[doc(alias = "message")]
#[derive(Clone)]
pub struct StoredEvent {
    number: i64,
    tenant: Option<String>,
    id: String,
    event_type: Option<String>,
    unix_seconds: i64,
    received_at: SystemTime,
    payload: Bytes,
    trace_context: Option<String>,
    attempt: u32,
    age: Duration,
}

impl StoredEvent {
    /// The number that the inbox gave the event when it was stored.
    #[must_use]
    pub fn number(&self) -> i64 {
        self.number
    }

    /// The tenant whose keyring verified the delivery, if the keyring names one.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The id of the event, as the sender signed it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The payload's top-level `type`, if it is JSON and has one.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.event_type.as_deref()
    }

    /// When the delivery was signed, in seconds since 1970-01-01T00:00:00Z, by the sender's clock.
    #[must_use]
    pub fn unix_seconds(&self) -> u64 {
        self.unix_seconds.try_into().unwrap_or(0)
    }

    /// When the event was stored, by the database's clock.
    #[must_use]
    pub fn received_at(&self) -> SystemTime {
        self.received_at
    }

    /// The body, exactly as it was signed.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The text that [`Inbox::trace_context`](crate::Inbox::trace_context) stored.
    #[must_use]
    pub fn trace_context(&self) -> Option<&str> {
        self.trace_context.as_deref()
    }

    /// The number of this attempt, counted from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Returns the event as a worker passes it to a handler in the first attempt, without storing it. Use it to test a handler.
    ///
    /// Its [number](Self::number) is 0, and [`received_at`](Self::received_at) is now. `tower_svix::test_util` makes signed
    /// requests. Verify one to get the `VerifiedEvent`.
    ///
    /// # Example
    ///
    /// ```
    /// use std::convert::Infallible;
    ///
    /// use tower_svix_sqlx::inbox::StoredEvent;
    ///
    /// async fn process(event: StoredEvent) -> Result<(), Infallible> {
    ///     # let _ = event;
    ///     Ok(())
    /// }
    ///
    /// # async fn test(verified: tower_svix::VerifiedEvent) {
    /// let event = StoredEvent::not_stored(&verified).with_attempt(3);
    /// assert_eq!(event.id(), verified.id());
    /// assert!(process(event).await.is_ok());
    /// # }
    /// ```
    #[must_use]
    pub fn not_stored(event: &VerifiedEvent) -> Self {
        Self {
            number: 0,
            tenant: event.tenant().map(str::to_owned),
            id: event.id().to_owned(),
            event_type: event.event_type().ok().map(Cow::into_owned),
            unix_seconds: i64::try_from(event.unix_seconds()).unwrap_or(i64::MAX),
            received_at: SystemTime::now(),
            payload: event.payload().clone(),
            trace_context: None,
            attempt: 1,
            age: Duration::ZERO,
        }
    }

    /// Returns the same event in another attempt, counted from 1. Use it to test a handler.
    #[must_use]
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// The time from storing the event to the start of the attempt.
    pub(crate) fn age(&self) -> Duration {
        self.age
    }

    /// Reads the number of the event in a row of the statement `claim`, and whether it has an order key.
    pub(crate) fn read_number<DB: Engine>(row: &DB::Row) -> sqlx::Result<(i64, bool)> {
        let number = DB::int(row, 0)?.unwrap_or_default();
        Ok((number, DB::int(row, 11)? == Some(1)))
    }

    /// Reads a row of the statement `claim`, and the state that the event is in now.
    pub(crate) fn read<DB: Engine>(row: &DB::Row) -> sqlx::Result<(Self, State)> {
        let event = Self {
            number: DB::int(row, 0)?.unwrap_or_default(),
            tenant: DB::text(row, 1)?,
            id: DB::text(row, 2)?.unwrap_or_default(),
            event_type: DB::text(row, 3)?,
            unix_seconds: DB::int(row, 4)?.unwrap_or_default(),
            received_at: time(DB::int(row, 5)?.unwrap_or_default()),
            payload: DB::bytes(row, 6)?.unwrap_or_default().into(),
            trace_context: DB::text(row, 7)?,
            attempt: count(DB::int(row, 8)?),
            age: milliseconds(DB::int(row, 10)?),
        };
        Ok((event, State::parse(DB::text(row, 9)?.as_deref())?))
    }
}

/// Omits the payload: it is the sender's data, and does not belong in a log.
impl fmt::Debug for StoredEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredEvent")
            .field("number", &self.number)
            .field("tenant", &self.tenant)
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("unix_seconds", &self.unix_seconds)
            .field("payload_len", &self.payload.len())
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
