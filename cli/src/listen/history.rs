//! The latest deliveries, in bounded memory, and a channel for changes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::{self, Receiver, Sender};

use super::answer::Reply;
use super::delivery::Delivery;

/// The maximum number of deliveries.
pub(crate) const MOST: usize = 1_000;
/// The maximum size of all deliveries together, in bytes. The latest delivery is always kept.
pub(crate) const MOST_BYTES: usize = 64 * 1024 * 1024;

pub(crate) struct History {
    kept: Mutex<Kept>,
    changes: Sender<Arc<Delivery>>,
}

struct Kept {
    /// The oldest first.
    deliveries: VecDeque<Arc<Delivery>>,
    bytes: usize,
    next_number: u64,
}

impl History {
    /// Returns a history of earlier deliveries, the oldest first.
    pub(crate) fn new(earlier: Vec<Delivery>) -> Self {
        let mut kept = Kept {
            deliveries: VecDeque::new(),
            bytes: 0,
            next_number: 1,
        };
        for delivery in earlier {
            kept.next_number = kept.next_number.max(delivery.number + 1);
            kept.push(Arc::new(delivery));
        }
        Self {
            kept: Mutex::new(kept),
            changes: broadcast::channel(256).0,
        }
    }

    /// Adds a delivery, gives it a number, and marks it if it is a duplicate.
    pub(crate) fn add(&self, mut delivery: Delivery) -> Arc<Delivery> {
        let mut kept = self.lock();
        delivery.number = kept.next_number;
        kept.next_number += 1;
        if let Some(first) = kept.first_of(&delivery) {
            delivery.duplicate_of = Some(first.number);
            delivery.differs = first.body != delivery.body;
        }
        let delivery = Arc::new(delivery);
        kept.push(Arc::clone(&delivery));
        // There may be no listener.
        let _ = self.changes.send(Arc::clone(&delivery));
        delivery
    }

    /// Records the outcome of a delivery, which may already be forgotten.
    pub(crate) fn finish(&self, delivery: &Delivery, reply: Reply) -> Arc<Delivery> {
        let finished = Arc::new(Delivery {
            reply,
            ..delivery.clone()
        });
        let mut kept = self.lock();
        kept.replace(&finished);
        let _ = self.changes.send(Arc::clone(&finished));
        finished
    }

    pub(crate) fn find(&self, number: u64) -> Option<Arc<Delivery>> {
        self.lock().find(number).cloned()
    }

    /// Returns all deliveries, the oldest first, and the changes from then on.
    pub(crate) fn watch(&self) -> (Vec<Arc<Delivery>>, Receiver<Arc<Delivery>>) {
        let kept = self.lock();
        let deliveries = kept.deliveries.iter().cloned().collect();
        (deliveries, self.changes.subscribe())
    }

    /// Returns the number of the oldest delivery.
    pub(crate) fn oldest(&self) -> u64 {
        let kept = self.lock();
        kept.deliveries
            .front()
            .map_or(kept.next_number, |oldest| oldest.number)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn push(&mut self, delivery: Arc<Delivery>) {
        self.bytes += delivery.cost();
        self.deliveries.push_back(delivery);
        self.forget();
    }

    fn replace(&mut self, delivery: &Arc<Delivery>) {
        let number = delivery.number;
        let Ok(index) = self
            .deliveries
            .binary_search_by_key(&number, |kept| kept.number)
        else {
            return;
        };
        self.bytes += delivery.cost();
        self.bytes -= self.deliveries[index].cost();
        self.deliveries[index] = Arc::clone(delivery);
        self.forget();
    }

    fn forget(&mut self) {
        while self.deliveries.len() > MOST || (self.bytes > MOST_BYTES && self.deliveries.len() > 1)
        {
            let forgotten = self.deliveries.pop_front().expect("there is more than one");
            self.bytes -= forgotten.cost();
        }
    }

    fn find(&self, number: u64) -> Option<&Arc<Delivery>> {
        let index = self
            .deliveries
            .binary_search_by_key(&number, |kept| kept.number);
        index.ok().map(|index| &self.deliveries[index])
    }

    /// Returns the first valid delivery of the same event, if this one is valid too.
    fn first_of(&self, delivery: &Delivery) -> Option<&Arc<Delivery>> {
        let id = delivery
            .id
            .as_ref()
            .filter(|_| delivery.verdict.is_valid())?;
        let is_same =
            |kept: &&Arc<Delivery>| kept.verdict.is_valid() && kept.id.as_ref() == Some(id);
        self.deliveries.iter().find(is_same)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::answer::{AppAnswer, Reply};
    use super::super::delivery::{Delivery, Origin, Verdict};
    use super::super::headers::Pairs;
    use super::{History, MOST, MOST_BYTES};

    fn delivery(id: &str, body: Bytes) -> Delivery {
        Delivery {
            number: 0,
            received_at: 0,
            origin: Origin::Sender,
            method: "POST".into(),
            target: "/".into(),
            headers: Pairs::default(),
            body,
            id: Some(id.into()),
            event_type: None,
            verdict: Verdict::valid(),
            duplicate_of: None,
            differs: false,
            reply: Reply::Waiting,
        }
    }

    fn bytes(history: &History) -> usize {
        let (kept, _) = history.watch();
        kept.iter().map(|delivery| delivery.cost()).sum()
    }

    #[test]
    fn the_latest_are_kept() {
        let history = History::new(Vec::new());
        for _ in 0..MOST + 5 {
            history.add(delivery("msg_1", Bytes::new()));
        }
        let (kept, _) = history.watch();
        assert_eq!(kept.len(), MOST);
        assert_eq!(kept[0].number, 6);
        assert_eq!(history.oldest(), 6);
        assert!(history.find(5).is_none());
        assert!(history.find(6).is_some());
    }

    #[test]
    fn memory_is_bounded_whatever_the_size_of_bodies_and_answers() {
        let big = Bytes::from(vec![b'x'; 2 * 1024 * 1024]);
        let history = History::new(Vec::new());
        for _ in 0..100 {
            let added = history.add(delivery("msg_1", big.clone()));
            let answer = AppAnswer::new(&hyper::Response::new(big.clone()), 1);
            history.finish(&added, Reply::Answered(answer));
            assert!(bytes(&history) <= MOST_BYTES);
        }
        assert!(history.watch().0.len() > 20);

        let huge = Bytes::from(vec![b'x'; MOST_BYTES]);
        let latest = history.add(delivery("msg_1", huge));
        assert!(history.find(latest.number).is_some());
        assert_eq!(history.watch().0.len(), 1);
    }

    #[test]
    fn what_is_finished_after_it_was_forgotten_stays_forgotten() {
        let history = History::new(Vec::new());
        let first = history.add(delivery("msg_1", Bytes::new()));
        for _ in 0..MOST {
            history.add(delivery("msg_2", Bytes::new()));
        }
        history.finish(&first, Reply::NotForwarded);
        assert!(history.find(first.number).is_none());
        assert_eq!(history.watch().0.len(), MOST);
    }

    #[test]
    fn only_a_valid_delivery_is_a_duplicate_or_has_one() {
        let rejected = |id: &str| Delivery {
            verdict: Verdict {
                code: "signature-mismatch".into(),
                ..Verdict::valid()
            },
            ..delivery(id, Bytes::new())
        };
        let history = History::new(Vec::new());
        assert_eq!(history.add(rejected("msg_1")).duplicate_of, None);
        let first = history.add(delivery("msg_1", Bytes::new()));
        assert_eq!(first.duplicate_of, None);
        assert_eq!(history.add(rejected("msg_1")).duplicate_of, None);
        assert_eq!(
            history.add(delivery("msg_2", Bytes::new())).duplicate_of,
            None
        );
        let same = history.add(delivery("msg_1", Bytes::new()));
        assert_eq!((same.duplicate_of, same.differs), (Some(2), false));
        let other = history.add(delivery("msg_1", "{}".into()));
        assert_eq!((other.duplicate_of, other.differs), (Some(2), true));
    }
}
