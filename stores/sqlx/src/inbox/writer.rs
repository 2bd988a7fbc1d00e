//! Writes down what arrives. Events that arrive while others are being written share one write to the disk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::database::Database;
use crate::database_error::DatabaseError;
use crate::engine::{Engine, NewEvent};
use crate::table::Sql;

/// How many batches are written at once: while one waits for the disk, the next is on its way. With more, each is smaller.
const WRITERS: usize = 2;
/// How many events a batch has at most.
const MAX_EVENTS: usize = 128;
/// How many bytes the payloads of a batch have at most, unless the last one is longer.
const MAX_BYTES: usize = 1024 * 1024;

/// Writes events in batches, each of what has arrived since the last. An event that comes alone waits for no other.
#[derive(Default)]
pub(super) struct Writer {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    writers: usize,
}

/// An event, and who waits to hear whether it was new.
struct Waiting {
    event: NewEvent,
    answer: oneshot::Sender<Result<bool, DatabaseError>>,
}

impl Writer {
    /// Stores an event unless one with its key is stored. Returns whether it was new.
    pub(super) async fn insert<DB: Engine>(
        self: &Arc<Self>,
        database: &Database<DB>,
        sql: &Sql,
        event: NewEvent,
    ) -> Result<bool, DatabaseError> {
        let (answer, answered) = oneshot::channel();
        self.queue().waiting.push_back(Waiting { event, answer });
        if let Some(turn) = Turn::take(self) {
            // Not by this future: others wait for the batch when this delivery is cut off.
            tokio::spawn(write_all(turn, database.clone(), Arc::clone(sql)));
        }
        database
            .within(async {
                let answer = answered.await;
                // Without an answer, the runtime of the writer has ended.
                answer.unwrap_or_else(|_| Err(DatabaseError::timed_out()))
            })
            .await
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave to write a batch.
struct Turn(Arc<Writer>);

impl Turn {
    /// `None` if nothing waits, or if there are as many writers as there may be.
    fn take(writer: &Arc<Writer>) -> Option<Self> {
        let mut queue = writer.queue();
        if queue.waiting.is_empty() || queue.writers == WRITERS {
            return None;
        }
        queue.writers += 1;
        Some(Self(Arc::clone(writer)))
    }

    /// Takes the events that have waited longest. Nobody waits for one whose delivery was cut off.
    fn batch(
        &self,
    ) -> (
        Vec<NewEvent>,
        Vec<oneshot::Sender<Result<bool, DatabaseError>>>,
    ) {
        let mut queue = self.0.queue();
        let (mut events, mut answers, mut bytes) = (Vec::new(), Vec::new(), 0);
        while events.len() < MAX_EVENTS
            && bytes < MAX_BYTES
            && let Some(Waiting { event, answer }) = queue.waiting.pop_front()
        {
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

/// Writes until nothing waits. What arrives after that takes a turn of its own.
async fn write_all<DB: Engine>(mut turn: Turn, database: Database<DB>, sql: Sql) {
    loop {
        let (events, answers) = turn.batch();
        match database.insert(&sql, &events).await {
            Ok(are_new) => {
                for (answer, is_new) in answers.into_iter().zip(are_new) {
                    let _ = answer.send(Ok(is_new));
                }
            }
            Err(error) if error.is_timeout() => {
                for answer in answers {
                    let _ = answer.send(Err(DatabaseError::timed_out()));
                }
            }
            // What the database rejects in one event must not keep the others from being stored.
            Err(_) => {
                for (event, answer) in events.chunks(1).zip(answers) {
                    let is_new = database.insert(&sql, event).await;
                    let _ = answer.send(is_new.map(|are_new| are_new == [true]));
                }
            }
        }
        let writer = Arc::clone(&turn.0);
        drop(turn);
        match Turn::take(&writer) {
            Some(next) => turn = next,
            None => return,
        }
    }
}
