//! Writes events in batches. Events that arrive while others are being written share one write to the disk.

use std::collections::VecDeque;
use std::iter;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::database::Database;
use crate::database_error::DatabaseError;
use crate::engine::{Engine, NewEvent};
use crate::table::Sql;

/// The number of batches that are written at once. While one waits for the disk, the next is being sent. With more
/// writers, batches would be smaller.
const WRITERS: usize = 2;
/// The maximum number of events in a batch.
const MAX_EVENTS: usize = 128;
/// The size of the payloads, in bytes, at which a batch is full. The last payload may exceed it.
const MAX_BYTES: usize = 1024 * 1024;
/// The maximum size of all waiting payloads, in bytes, while the database is slower than the senders.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// Writes events in batches. Each batch has the events that have arrived since the last. A single event does not wait
/// for others.
#[derive(Default)]
pub(super) struct Writer {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// The size of the waiting payloads.
    bytes: usize,
    writers: usize,
}

/// An event, and the channel for the answer whether it was new.
struct Waiting {
    event: NewEvent,
    answer: Answer,
}

type Answer = oneshot::Sender<Result<bool, DatabaseError>>;

impl Queue {
    fn push(&mut self, waiting: Waiting) -> Result<(), DatabaseError> {
        let bytes = self.bytes.saturating_add(waiting.event.payload.len());
        if bytes > MAX_WAITING_BYTES && !self.waiting.is_empty() {
            return Err(DatabaseError::overloaded());
        }
        self.bytes = bytes;
        self.waiting.push_back(waiting);
        Ok(())
    }
}

impl Writer {
    /// Stores an event unless one with its key is already stored. Returns whether it was new.
    pub(super) async fn insert<DB: Engine>(
        self: &Arc<Self>,
        database: &Database<DB>,
        sql: &Sql,
        event: NewEvent,
    ) -> Result<bool, DatabaseError> {
        let (answer, answered) = oneshot::channel();
        self.queue().push(Waiting { event, answer })?;
        if let Some(turn) = Turn::take(self) {
            // In a separate task, because others wait for the batch even if this delivery is cancelled.
            tokio::spawn(write_all(turn, database.clone(), Arc::clone(sql)));
        }
        database
            .within(async {
                let answer = answered.await;
                // The channel is closed if the runtime of the writer has ended.
                answer.unwrap_or_else(|_| Err(DatabaseError::timed_out()))
            })
            .await
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permission to write a batch.
struct Turn(Arc<Writer>);

impl Turn {
    /// Returns `None` if no event waits, or if all writers are busy.
    fn take(writer: &Arc<Writer>) -> Option<Self> {
        let mut queue = writer.queue();
        if queue.waiting.is_empty() || queue.writers == WRITERS {
            return None;
        }
        queue.writers += 1;
        Some(Self(Arc::clone(writer)))
    }

    /// Takes the events that have waited longest. Skips events whose delivery was cancelled.
    fn batch(&self) -> (Vec<NewEvent>, Vec<Answer>) {
        let mut queue = self.0.queue();
        let (mut events, mut answers, mut bytes) = (Vec::new(), Vec::new(), 0);
        while events.len() < MAX_EVENTS
            && bytes < MAX_BYTES
            && let Some(Waiting { event, answer }) = queue.waiting.pop_front()
        {
            queue.bytes -= event.payload.len();
            if !answer.is_closed() {
                bytes += event.payload.len();
                events.push(event);
                answers.push(answer);
            }
        }
        (events, answers)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.queue().writers -= 1;
    }
}

/// Writes batches until no event waits. A later event takes another turn.
async fn write_all<DB: Engine>(mut turn: Turn, database: Database<DB>, sql: Sql) {
    loop {
        let (events, answers) = turn.batch();
        if !events.is_empty() {
            write(&database, &sql, &events, answers).await;
        }
        let writer = Arc::clone(&turn.0);
        drop(turn);
        match Turn::take(&writer) {
            Some(next) => turn = next,
            None => return,
        }
    }
}

async fn write<DB: Engine>(
    database: &Database<DB>,
    sql: &Sql,
    events: &[NewEvent],
    answers: Vec<Answer>,
) {
    match database.insert(sql, events).await {
        Ok(are_new) => {
            for (answer, is_new) in answers.into_iter().zip(are_new) {
                let _ = answer.send(Ok(is_new));
            }
        }
        Err(error) if events.len() > 1 && !error.is_unavailable() => {
            write_each(database, sql, events, answers).await;
        }
        Err(error) => fail(answers, error),
    }
}

/// Writes one event after another, so that an event that the database rejects does not prevent the others.
async fn write_each<DB: Engine>(
    database: &Database<DB>,
    sql: &Sql,
    events: &[NewEvent],
    answers: Vec<Answer>,
) {
    let mut answers = answers.into_iter();
    for event in events.chunks(1) {
        let Some(answer) = answers.next() else {
            return;
        };
        if answer.is_closed() {
            continue;
        }
        match database.insert(sql, event).await {
            Ok(are_new) => {
                let _ = answer.send(Ok(are_new == [true]));
            }
            // The others would fail one after another too, and new events would wait behind them.
            Err(error) if error.is_unavailable() => {
                return fail(iter::once(answer).chain(answers), error);
            }
            Err(error) => {
                let _ = answer.send(Err(error));
            }
        }
    }
}

/// Answers all of these with the same error.
fn fail(answers: impl IntoIterator<Item = Answer>, error: DatabaseError) {
    let error = Arc::new(error);
    for answer in answers {
        let _ = answer.send(Err(DatabaseError::shared(Arc::clone(&error))));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn waiting(bytes: usize) -> Waiting {
        let event = NewEvent {
            key: [0; 32],
            tenant: None,
            id: "msg_1".to_owned(),
            event_type: None,
            sent_at: 0,
            payload: Bytes::from(vec![0; bytes]),
            order_key: None,
            trace_context: None,
        };
        let (answer, _) = oneshot::channel();
        Waiting { event, answer }
    }

    #[test]
    fn what_waits_is_bounded_and_room_is_made_by_each_batch() {
        let writer = Arc::new(Writer::default());
        for _ in 0..64 {
            writer.queue().push(waiting(1024 * 1024)).unwrap();
        }
        assert!(writer.queue().push(waiting(1)).unwrap_err().is_timeout());

        // All were cancelled, and one turn drops them all.
        let turn = Turn::take(&writer).unwrap();
        assert!(turn.batch().0.is_empty());
        assert_eq!(writer.queue().bytes, 0);
        writer.queue().push(waiting(1)).unwrap();
    }

    #[test]
    fn a_single_event_has_room_however_large_it_is() {
        let writer = Writer::default();
        let mut queue = writer.queue();
        queue.push(waiting(MAX_WAITING_BYTES + 1)).unwrap();
        queue.push(waiting(1)).map_err(drop).unwrap_err();
    }
}
