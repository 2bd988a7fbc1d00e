//! Claiming of events.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Error;
use tokio::time::Instant;
use tower_svix::idempotency::ClaimToken;

use super::leases::{Lease, Leases};
use super::settings::Worker;
use crate::database;
use crate::database_error::DatabaseError;
use crate::engine::{Engine, Value};
use crate::inbox::{State, StoredEvent};
use crate::table::Sql;
use crate::telemetry;

/// A claimed event.
pub(super) struct Claimed {
    pub(super) event: StoredEvent,
    pub(super) token: ClaimToken,
    pub(super) lease: Lease,
}

/// Claims events for a worker.
pub(super) struct Claims<DB: Engine> {
    worker: Arc<Worker<DB>>,
    leases: Arc<Leases>,
    /// The kind that has the turn if there is room for only one event.
    is_turn_of_ordered: bool,
    look_for_late_at: Instant,
    is_turn_of_suspects: bool,
}

/// The number of events of each kind.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    plain: usize,
    /// Events with an order key.
    ordered: usize,
}

/// The result of a claim.
#[derive(Default)]
struct Batch {
    events: Vec<Claimed>,
    /// Includes events that became dead.
    taken: Share,
}

impl<DB: Engine> Claims<DB> {
    pub(super) fn new(worker: Arc<Worker<DB>>, leases: Arc<Leases>) -> Self {
        Self {
            worker,
            leases,
            is_turn_of_ordered: false,
            look_for_late_at: Instant::now(),
            is_turn_of_suspects: false,
        }
    }

    /// Claims up to `room` pending events, of both kinds.
    pub(super) async fn waiting(&mut self, room: usize) -> Result<Vec<Claimed>, DatabaseError> {
        let mut events = Vec::new();
        let (mut more_plain, mut more_ordered) = (true, true);
        while events.len() < room && (more_plain || more_ordered) {
            let left = room - events.len();
            let ordered = match (more_plain, more_ordered) {
                (_, false) => 0,
                (false, _) => left,
                _ if left > 1 => left / 2,
                _ => {
                    self.is_turn_of_ordered = !self.is_turn_of_ordered;
                    usize::from(self.is_turn_of_ordered)
                }
            };
            let asked = Share {
                plain: left - ordered,
                ordered,
            };
            let batch = match self.claim(asked).await {
                Ok(batch) => batch,
                // The events that were already claimed must run.
                Err(error) if !events.is_empty() => {
                    telemetry::error("claim-failed", &error);
                    break;
                }
                Err(error) => return Err(error),
            };
            let Some(batch) = batch else {
                // Another worker has just claimed one of these events, so this claim got none.
                self.worker.inbox.wake.send_replace(());
                break;
            };
            more_plain &= asked.plain == 0 || batch.taken.plain == asked.plain;
            more_ordered &= asked.ordered == 0 || batch.taken.ordered == asked.ordered;
            events.extend(batch.events);
        }
        Ok(events)
    }

    /// Claims up to `room` events whose worker died, if it is time to look for them.
    ///
    /// One of these events may have killed the worker. After a first attempt, they run beside others like any event,
    /// because most workers die of another cause. After a later attempt, an event is a suspect. A worker runs one
    /// suspect at a time, so that events that ran beside the fatal one do not run beside it again.
    pub(super) async fn late(
        &mut self,
        room: usize,
        has_suspect: bool,
    ) -> Result<Vec<Claimed>, DatabaseError> {
        if Instant::now() < self.look_for_late_at {
            return Ok(Vec::new());
        }
        self.is_turn_of_suspects = !self.is_turn_of_suspects;
        let has_turn = room > 1 || self.worker.concurrency == 1 || self.is_turn_of_suspects;
        let suspects = usize::from(!has_suspect && has_turn);
        loop {
            let token = ClaimToken::random()?;
            let values = [
                Value::Bytes(token.as_bytes()),
                Value::Int(database::milliseconds(self.worker.lease)),
                Value::Int(self.worker.max_attempts.into()),
                self.leases.id(),
                Value::Int(self.last_innocent_attempt().into()),
                number(room - suspects),
                number(suspects),
            ];
            let sql = &self.worker.inbox.sql.claim_late;
            let batch = self.take(sql, &values, token).await?.unwrap_or_default();
            let Share { plain, ordered } = batch.taken;
            if plain + ordered == 0 {
                self.look_for_late_at = Instant::now() + self.worker.poll_interval;
                return Ok(Vec::new());
            }
            // Otherwise, all of these events became dead.
            if !batch.events.is_empty() {
                return Ok(batch.events);
            }
        }
    }

    /// Returns whether an event may have killed its worker, in the attempt before this one.
    pub(super) fn is_suspect(&self, event: &StoredEvent) -> bool {
        event.attempt() > self.last_innocent_attempt() + 1
    }

    /// Returns the last attempt that does not make an event a suspect. With few attempts, an event cannot afford to
    /// lose one. In a worker with room for one event, each runs alone.
    fn last_innocent_attempt(&self) -> u32 {
        u32::from(self.worker.max_attempts > 3 && self.worker.concurrency > 1)
    }

    async fn claim(&self, share: Share) -> Result<Option<Batch>, DatabaseError> {
        let token = ClaimToken::random()?;
        let values = [
            number(share.plain),
            Value::Bytes(token.as_bytes()),
            Value::Int(database::milliseconds(self.worker.lease)),
            Value::Int(self.worker.max_attempts.into()),
            number(share.ordered),
            self.leases.id(),
        ];
        self.take(&self.worker.inbox.sql.claim, &values, token)
            .await
    }

    /// Returns `None` if another worker was faster.
    async fn take(
        &self,
        sql: &Sql,
        values: &[Value<'_>],
        token: ClaimToken,
    ) -> Result<Option<Batch>, DatabaseError> {
        self.leases.begin_claim(&token);
        let rows = match self.worker.inbox.database.change(sql, values).await {
            Ok(rows) => rows,
            Err(error) if error.is_answer() => {
                self.leases.end_claim();
                return if error.is_conflict() {
                    Ok(None)
                } else {
                    Err(error)
                };
            }
            Err(error) => {
                self.leases.give_up_claim();
                return Err(error);
            }
        };
        let mut batch = Batch::default();
        for row in rows {
            let (number, is_ordered) = StoredEvent::read_number::<DB>(&row)?;
            if is_ordered {
                batch.taken.ordered += 1;
            } else {
                batch.taken.plain += 1;
            }
            match StoredEvent::read::<DB>(&row) {
                Ok((event, State::Running)) => {
                    telemetry::started(event.age());
                    let lease = self.leases.hold(number, &token);
                    batch.events.push(Claimed {
                        event,
                        token,
                        lease,
                    });
                }
                Ok((event, _)) => {
                    let detail = format!("{} is given up: no attempt is left", event.id());
                    telemetry::error("event-dead", &detail);
                    telemetry::attempted("dead", Duration::ZERO);
                }
                Err(error) => self.bury(number, token, &error).await,
            }
        }
        self.leases.end_claim();
        // The statement returns the events in any order.
        batch.events.sort_by_key(|claimed| claimed.event.number());
        Ok(Some(batch))
    }

    /// Marks an unreadable row as dead for an operator, so that it is not claimed again and again.
    async fn bury(&self, number: i64, token: ClaimToken, error: &Error) {
        let text = format!("the row cannot be read: {error}");
        telemetry::error("event-dead", &format!("number {number}: {text}"));
        let values = [
            Value::Int(number),
            Value::Bytes(token.as_bytes()),
            Value::Int(0),
            Value::Text(Some(&text)),
            Value::Text(Some(State::Dead.name())),
        ];
        let inbox = &self.worker.inbox;
        if let Err(error) = inbox.database.execute(&inbox.sql.fail, &values).await {
            telemetry::error("not-written", &error);
        }
    }
}

fn number(events: usize) -> Value<'static> {
    Value::Int(i64::try_from(events).unwrap_or(i64::MAX))
}
