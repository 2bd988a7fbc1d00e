//! The methods of an inbox for operators.

use std::time::Duration;

use bytes::Bytes;

use super::columns::milliseconds;
use super::entry::{Counts, Entry, Filter};
use super::settings::Inbox;
use super::state::State;
use crate::cleanup::Cleanup;
use crate::database;
use crate::database_error::DatabaseError;
use crate::engine::{Engine, Value};
use crate::table::Sql;
use crate::telemetry;

/// The number of rows that one statement deletes. It is so small that other statements do not wait for long.
const BATCH: i64 = 1000;

/// Methods for operators. Each fails with [`DatabaseError`] if the database fails, or does not answer within the [timeout for
/// operators](Inbox::operator_timeout).
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl<DB: Engine> Inbox<DB> {
    /// Returns at most `limit` events in the order in which they were stored.
    ///
    /// # Example
    ///
    /// ```
    /// use tower_svix_sqlx::inbox::{Filter, State};
    /// use tower_svix_sqlx::{DatabaseError, Engine, Inbox};
    ///
    /// async fn print_dead<DB: Engine>(inbox: &Inbox<DB>) -> Result<(), DatabaseError> {
    ///     for event in inbox.list(&Filter::new().state(State::Dead), 100).await? {
    ///         println!("{} {:?} {:?}", event.number, event.id, event.error);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn list(&self, filter: &Filter, limit: u32) -> Result<Vec<Entry>, DatabaseError> {
        let values = [
            Value::Int(filter.after),
            Value::Int(limit.into()),
            Value::Text(filter.id.as_deref()),
        ];
        // In the statement and not bound, because an index of events in one state serves only a statement with that
        // state.
        let in_state = match filter.state {
            Some(state) => format!("AND state = '{}'", state.name()),
            None => String::new(),
        };
        let sql = self.sql.list.replace("{in_state}", &in_state).into();
        let rows = self.database.patient().read(&sql, &values).await?;
        let entries: sqlx::Result<_> = rows.iter().map(Entry::read::<DB>).collect();
        Ok(entries?)
    }

    /// Returns the event with this number.
    pub async fn show(&self, number: i64) -> Result<Option<Entry>, DatabaseError> {
        let filter = Filter::new().after(number.saturating_sub(1));
        let entries = self.list(&filter, 1).await?;
        Ok(entries.into_iter().find(|entry| entry.number == number))
    }

    /// Returns the payload of the event with this number.
    pub async fn payload(&self, number: i64) -> Result<Option<Bytes>, DatabaseError> {
        let values = [Value::Int(number)];
        let database = self.database.patient();
        let rows = database.read(&self.sql.payload, &values).await?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        Ok(DB::bytes(&row, 0)?.map(Bytes::from))
    }

    /// Returns the number of events in each state. Reads the whole table.
    pub async fn counts(&self) -> Result<Counts, DatabaseError> {
        let mut counts = Counts::default();
        for (state, events, oldest) in self.count(&self.sql.counts).await? {
            match state {
                State::Pending => {
                    counts.pending = events;
                    counts.oldest_pending = oldest;
                }
                State::Running => counts.running = events,
                State::Done => counts.done = events,
                State::Dead => counts.dead = events,
            }
        }
        Ok(counts)
    }

    /// Makes an event due now, whether it is dead, waits for its next attempt, or is done. Its attempts are counted from the
    /// beginning. Returns `false` if no event has this number, or if a worker has it.
    pub async fn retry(&self, number: i64) -> Result<bool, DatabaseError> {
        let values = [Value::Int(number)];
        let database = self.database.patient();
        let changed = database.execute(&self.sql.retry, &values).await?;
        self.announce();
        Ok(changed > 0)
    }

    /// Makes all dead events due now, and returns their number.
    pub async fn retry_dead(&self) -> Result<u64, DatabaseError> {
        let database = self.database.patient();
        let changed = database.execute(&self.sql.retry_dead, &[]).await?;
        self.announce();
        Ok(changed)
    }

    /// Deletes an event in any state. Returns `false` if no event has this number.
    ///
    /// A worker that has the event can finish its handler, but cannot commit its transaction. The next delivery of the event is
    /// stored again.
    pub async fn forget(&self, number: i64) -> Result<bool, DatabaseError> {
        let values = [Value::Int(number)];
        let database = self.database.patient();
        let changed = database.execute(&self.sql.forget, &values).await?;
        // A later event of its key may have waited for it.
        self.announce();
        Ok(changed > 0)
    }

    /// Deletes the events that were done at least `retention` ago, and returns their number.
    ///
    /// A delivery of a deleted event is stored and processed again, so `retention` must be longer than the sender's whole
    /// schedule. 96 hours cover all schedules that we know of.
    pub async fn delete_done(&self, retention: Duration) -> Result<u64, DatabaseError> {
        self.delete(&self.sql.delete_done, retention).await
    }

    /// Deletes the events that died at least `retention` ago, and returns their number.
    ///
    /// Only this and [`forget`](Self::forget) delete dead events. The next delivery of a deleted event is stored again.
    pub async fn delete_dead(&self, retention: Duration) -> Result<u64, DatabaseError> {
        self.delete(&self.sql.delete_dead, retention).await
    }

    async fn delete(&self, sql: &Sql, retention: Duration) -> Result<u64, DatabaseError> {
        let database = self.database.patient();
        let values = [
            Value::Int(database::milliseconds(retention)),
            Value::Int(BATCH),
        ];
        let mut deleted = 0;
        loop {
            let batch = database.execute(sql, &values).await?;
            deleted += batch;
            if batch < BATCH.unsigned_abs() {
                return Ok(deleted);
            }
        }
    }

    /// Spawns a task that calls [`delete_done`](Self::delete_done) now, and again after each `pause`.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn spawn_cleanup(&self, retention: Duration, pause: Duration) -> Cleanup {
        let inbox = self.clone();
        Cleanup::spawn(pause, move || {
            let inbox = inbox.clone();
            async move { inbox.delete_done(retention).await }
        })
    }

    /// Reports the number of unfinished events and the age of the oldest to the metrics.
    pub(crate) async fn measure(&self) -> Result<(), DatabaseError> {
        let mut measured =
            [State::Pending, State::Running, State::Dead].map(|state| (state, 0, Duration::ZERO));
        for (state, events, oldest) in self.count(&self.sql.depth).await? {
            if let Some(of_state) = measured.iter_mut().find(|(other, ..)| *other == state) {
                *of_state = (state, of_state.1 + events, of_state.2.max(oldest));
            }
        }
        for (state, events, oldest) in measured {
            telemetry::depth(state.name(), events, oldest);
        }
        Ok(())
    }

    async fn count(&self, sql: &Sql) -> Result<Vec<(State, u64, Duration)>, DatabaseError> {
        let mut counts = Vec::new();
        for row in self.database.patient().read(sql, &[]).await? {
            counts.push((
                State::parse(DB::text(&row, 0)?.as_deref())?,
                DB::int(&row, 1)?.unwrap_or(0).unsigned_abs(),
                milliseconds(DB::int(&row, 2)?),
            ));
        }
        Ok(counts)
    }
}
