//! The latest events, with the number of deliveries of each.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tower_svix::VerifiedEvent;

use crate::limits::MAX_EVENTS;

/// The maximum length of an event type, in characters. The rest is cut off.
const MAX_TYPE_LEN: usize = 64;

/// A shared handle to the events of this process.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<List>>);

impl Events {
    /// Counts a processed event.
    pub(crate) fn record(&self, event: &VerifiedEvent) -> Received {
        self.lock().record(Received::first(event))
    }

    /// Counts a duplicate. Returns `None` if this process did not process the event, or no longer remembers it.
    pub(crate) fn record_duplicate(&self, id: &str) -> Option<Received> {
        self.lock().record_duplicate(id)
    }

    /// Returns the events, in the order in which they first arrived.
    pub(crate) fn list(&self) -> Vec<Received> {
        self.lock().latest.iter().cloned().collect()
    }

    /// Ignores poisoning: the list is consistent after each step of `record`, so a panic elsewhere does not harm it.
    fn lock(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event, with the number of its deliveries.
#[derive(Clone, Serialize)]
pub(crate) struct Received {
    id: String,
    r#type: Option<String>,
    /// The time when the first delivery was signed, in seconds since 1970.
    timestamp: u64,
    /// How often the event was processed: once, unless the store forgot the event or could not record it.
    count: u64,
    /// The number of duplicates, which were not processed.
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
        // Escape the type: a payload may contain a newline and a text that looks like a log line.
        let event_type = self.r#type.as_deref().unwrap_or("(no type)").escape_debug();
        let delivery = self.count + self.duplicates;
        write!(f, "{event_type} {} (delivery {delivery})", self.id)
    }
}

#[derive(Default)]
struct List {
    latest: VecDeque<Received>,
    /// The number of each event, counted from the first event of this process.
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
