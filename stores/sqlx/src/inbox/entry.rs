//! An event as an operator sees it.

use std::time::{Duration, SystemTime};

use super::columns::{count, time};
use super::state::State;
use crate::engine::Engine;

/// An event as an operator sees it, without its payload, which [`Inbox::payload`](crate::Inbox::payload) returns.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// The number that the event got when it was stored.
    pub number: i64,
    /// The tenant whose keyring verified it.
    pub tenant: Option<String>,
    /// Its id, as the sender signed it.
    pub id: String,
    /// The payload's top-level `type`.
    pub event_type: Option<String>,
    /// Its state.
    pub state: State,
    /// The number of attempts so far.
    pub attempts: u32,
    /// The error of the last attempt. The text comes from the handler: escape control characters before you print it.
    pub error: Option<String>,
    /// The length of the payload, in bytes.
    pub payload_len: u64,
    /// When it was stored, by the database's clock.
    pub received_at: SystemTime,
    /// When the next attempt may be made, or when the lease of the one that runs ends.
    pub due_at: SystemTime,
    /// When it was done or given up, by the database's clock.
    pub ended_at: Option<SystemTime>,
}

impl Entry {
    /// Reads a row of the statement `list`.
    pub(super) fn read<DB: Engine>(row: &DB::Row) -> sqlx::Result<Self> {
        Ok(Self {
            number: DB::int(row, 0)?.unwrap_or_default(),
            tenant: lossy::<DB>(row, 1)?,
            id: lossy::<DB>(row, 2)?.unwrap_or_default(),
            event_type: lossy::<DB>(row, 3)?,
            state: State::parse(DB::text(row, 4)?.as_deref())?,
            attempts: count(DB::int(row, 5)?),
            error: lossy::<DB>(row, 6)?,
            payload_len: DB::int(row, 7)?.unwrap_or(0).unsigned_abs(),
            received_at: time(DB::int(row, 8)?.unwrap_or_default()),
            due_at: time(DB::int(row, 9)?.unwrap_or_default()),
            ended_at: DB::int(row, 10)?.map(time),
        })
    }
}

/// A text, also one that is not UTF-8: an operator must see what no worker can read.
fn lossy<DB: Engine>(row: &DB::Row, column: usize) -> sqlx::Result<Option<String>> {
    DB::text(row, column).or_else(|_| {
        let bytes = DB::bytes(row, column)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    })
}

/// A filter for the events to [list](crate::Inbox::list), which has an example.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Filter {
    pub(super) state: Option<State>,
    pub(super) id: Option<String>,
    pub(super) after: i64,
}

impl Filter {
    /// Returns a filter that selects all events.
    pub fn new() -> Self {
        Self::default()
    }

    /// Selects only events in this state.
    pub fn state(mut self, state: State) -> Self {
        self.state = Some(state);
        self
    }

    /// Selects only events with this id, of any tenant.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Selects only events with a number above this one: pass the number of the last event on the page before.
    pub fn after(mut self, number: i64) -> Self {
        self.after = number;
        self
    }
}

/// The number of events in each state.
///
/// [`Inbox::counts`](crate::Inbox::counts) returns it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Events that wait for a worker.
    pub pending: u64,
    /// Events that a worker has.
    pub running: u64,
    /// Events that are done, and not deleted yet.
    pub done: u64,
    /// Events that were given up.
    pub dead: u64,
    /// The time since the oldest waiting event was stored.
    pub oldest_pending: Duration,
}
