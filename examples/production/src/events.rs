//! The latest events, and how often each was delivered.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tower_svix::VerifiedEvent;

use crate::limits::MAX_EVENTS;

/// How many characters of an event's type are kept.
const MAX_TYPE_LEN: usize = 64;

/// A handle on the events of this process.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<List>>);

impl Events {
    /// Counts a processed event.
    pub(crate) fn record(&self, event: &VerifiedEvent) -> Received {
        self.lock().record(Received::first(event))
    }

    /// Counts a duplicate. Returns nothing if the event was not processed here, or is no longer remembered.
    pub(crate) fn record_duplicate(&self, id: &str) -> Option<Received> {
        self.lock().record_duplicate(id)
    }

    /// The events, in the order in which they first arrived.
    pub(crate) fn list(&self) -> Vec<Received> {
        self.lock().latest.iter().cloned().collect()
    }

    /// The list is whole after each step of `record`, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event, and how often it was delivered.
#[derive(Clone, Serialize)]
pub(crate) struct Received {
    id: String,
    r#type: Option<String>,
    /// When it was first sent, in seconds since 1970.
    timestamp: u64,
    /// How often it was processed: once, unless the store forgot it or could not be told.
    count: u64,
    /// How often it was delivered in vain.
    duplicates: u64,
}

impl Received {
    fn first(event: &VerifiedEvent) -> Self {
        let event_type = event.event_type().ok();
        Self {
            id: event.id().into(),
            r#type: event_type.map(|text| text.chars().take(MAX_TYPE_LEN).collect()),
            timestamp: event.unix_seconds(),
            count: 1,
            duplicates: 0,
        }
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `escape_debug`, since a payload may hold anything, such as a line that looks like one of ours.
        let event_type = self.r#type.as_deref().unwrap_or("(no type)").escape_debug();
        let delivery = self.count + self.duplicates;
        write!(f, "{event_type} {} (delivery {delivery})", self.id)
    }
}

#[derive(Default)]
struct List {
    latest: VecDeque<Received>,
    /// The number of each event, counted from the first that ever arrived.
    numbers: HashMap<String, usize>,
    forgotten: usize,
}

impl List {
    fn record(&mut self, event: Received) -> Received {
        if let Some(number) = self.numbers.get(&event.id) {
            let known = &mut self.latest[number - self.forgotten];
            known.count += 1;
            return known.clone();
        }
        if self.latest.len() == MAX_EVENTS
            && let Some(oldest) = self.latest.pop_front()
        {
            self.numbers.remove(&oldest.id);
            self.forgotten += 1;
        }
        let number = self.forgotten + self.latest.len();
        self.numbers.insert(event.id.clone(), number);
        self.latest.push_back(event.clone());
        event
    }

    fn record_duplicate(&mut self, id: &str) -> Option<Received> {
        let number = self.numbers.get(id)?;
        let known = &mut self.latest[number - self.forgotten];
        known.duplicates += 1;
        Some(known.clone())
    }
}
