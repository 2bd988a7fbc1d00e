//! The events that a worker has, and the renewal of its leases.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{MissedTickBehavior, interval};
use tower_svix::idempotency::ClaimToken;

use super::settings::{Handler, Worker};
use crate::database;
use crate::database_error::DatabaseError;
use crate::engine::{Engine, Value};
use crate::inbox::State;
use crate::telemetry;

type Token = [u8; 16];
/// The number of an event, and the token of the attempt.
type Key = (i64, Token);

/// The events that a worker has, and those that it may have.
pub(super) struct Leases {
    /// The name of the worker in the table.
    id: ClaimToken,
    known: Mutex<Known>,
    /// Is notified when a claim failed that the database may have executed nevertheless.
    doubt: Notify,
}

#[derive(Default)]
struct Known {
    /// The running events, with the channel that reports a lost event.
    held: HashMap<Key, oneshot::Sender<()>>,
    /// The token of the claim that is in progress.
    claiming: Option<Token>,
    /// The events whose attempt panicked and left no outcome.
    broken_off: HashSet<Key>,
    /// The worker was dropped. Its running events wait for the end of their leases, as after any death.
    is_dropped: bool,
}

/// The lease of an attempt, until this is dropped.
pub(super) struct Lease {
    leases: Arc<Leases>,
    key: Key,
    /// Receives a message if another worker has the event, or if it was forgotten.
    pub(super) lost: oneshot::Receiver<()>,
}

/// Tells the renewal, which may run on another thread, that the worker is dropped.
///
/// Otherwise, the renewal could find an event that is no longer held, and give it back as if its handler had never run.
pub(super) struct TellsDrop(pub(super) Arc<Leases>);

impl Drop for TellsDrop {
    fn drop(&mut self) {
        self.0.known().is_dropped = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut known = self.leases.known();
        known.held.remove(&self.key);
        if thread::panicking() {
            known.broken_off.insert(self.key);
        }
    }
}

impl Leases {
    pub(super) fn new(id: ClaimToken) -> Self {
        Self {
            id,
            known: Mutex::default(),
            doubt: Notify::new(),
        }
    }

    pub(super) fn id(&self) -> Value<'_> {
        Value::Bytes(self.id.as_bytes())
    }

    pub(super) fn begin_claim(&self, token: &ClaimToken) {
        self.known().claiming = Some(*token.as_bytes());
    }

    /// Ends the claim. From now on, an event with its token that is not held is given back.
    pub(super) fn end_claim(&self) {
        self.known().claiming = None;
    }

    /// Ends the claim without knowing whether the database has executed it, or will.
    pub(super) fn give_up_claim(&self) {
        self.end_claim();
        self.doubt.notify_one();
    }

    pub(super) fn hold(self: &Arc<Self>, number: i64, token: &ClaimToken) -> Lease {
        let key = (number, *token.as_bytes());
        let (tell, lost) = oneshot::channel();
        self.known().held.insert(key, tell);
        Lease {
            leases: Arc::clone(self),
            key,
            lost,
        }
    }

    /// Renews all leases of the worker, and never returns.
    pub(super) async fn keep<DB: Engine>(self: Arc<Self>, worker: Arc<Worker<DB>>) {
        let mut ticks = interval(worker.lease / 3);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.doubt.notified() => {}
            }
            if let Err(error) = self.renew(&worker).await {
                telemetry::error("renewal-failed", &error);
            }
        }
    }

    /// Renews all leases with one statement, and then reads which events belong to the worker. An event that is held
    /// but does not belong to the worker is lost. An event that belongs to the worker but is not held is given back.
    ///
    /// It also reads them if nothing is held. No other worker takes such an event before its lease has ended, and this
    /// worker never would.
    async fn renew<DB: Engine>(&self, worker: &Worker<DB>) -> Result<(), DatabaseError> {
        // The transaction of the handler prevents all other writes, so nobody can take its event.
        let is_locked = DB::ONE_WRITER && matches!(*worker.handler, Handler::Transactional(_));
        let mut held: Vec<Key> = self.known().held.keys().copied().collect();
        if is_locked && !held.is_empty() {
            if worker.inbox.database.pool().options().get_max_connections() == 1 {
                // The handler has the only connection.
                return Ok(());
            }
            held.clear();
        }
        if !held.is_empty() {
            let values = [self.id(), Value::Int(database::milliseconds(worker.lease))];
            let inbox = &worker.inbox;
            inbox.database.execute(&inbox.sql.renew, &values).await?;
        }
        self.look(worker, &held).await
    }

    async fn look<DB: Engine>(
        &self,
        worker: &Worker<DB>,
        held: &[Key],
    ) -> Result<(), DatabaseError> {
        let (database, sql) = (&worker.inbox.database, &worker.inbox.sql);
        let mut ours = HashSet::new();
        for row in database.read(&sql.ours, &[self.id()]).await? {
            let token = DB::bytes(&row, 1)?.unwrap_or_default();
            if let (Some(number), Ok(token)) = (DB::int(&row, 0)?, Token::try_from(token)) {
                ours.insert((number, token));
            }
        }
        for key in self.compare(held, &ours) {
            self.let_go(worker, key).await?;
        }
        Ok(())
    }

    /// Gives back an event of a claim whose result was lost. If an attempt panicked without an outcome, it counts as
    /// failed. Otherwise, its event would be processed again and again.
    async fn let_go<DB: Engine>(&self, worker: &Worker<DB>, key: Key) -> Result<(), DatabaseError> {
        let (number, token) = key;
        let (database, sql) = (&worker.inbox.database, &worker.inbox.sql);
        let has_failed = self.known().broken_off.contains(&key);
        let (sql, pause) = if has_failed {
            (&sql.fail, worker.backoff.pause(1))
        } else {
            (&sql.give_back, Duration::ZERO)
        };
        let mut values = vec![
            Value::Int(number),
            Value::Bytes(&token),
            Value::Int(database::milliseconds(pause)),
        ];
        if has_failed {
            // The next claim checks whether an attempt is left.
            let state = Value::Text(Some(State::Pending.name()));
            values.extend([Value::Text(Some("the attempt panicked")), state]);
        }
        database.execute(sql, &values).await?;
        self.known().broken_off.remove(&key);
        worker.inbox.wake.send_replace(());
        Ok(())
    }

    /// Gives back the events that are not held, at the end of the worker.
    pub(super) async fn give_back_unknown<DB: Engine>(&self, worker: &Worker<DB>) {
        // The worker may have been stopped during a claim.
        self.end_claim();
        if let Err(error) = self.look(worker, &[]).await {
            telemetry::error("renewal-failed", &error);
        }
    }

    /// Tells the attempts that have lost their event, and returns the events that are not held. If an attempt has ended
    /// in the meantime, giving back its event changes nothing, because its token is no longer valid.
    fn compare(&self, held: &[Key], ours: &HashSet<Key>) -> Vec<Key> {
        let mut known = self.known();
        if known.is_dropped {
            return Vec::new();
        }
        for key in held.iter().filter(|key| !ours.contains(key)) {
            if let Some(tell) = known.held.remove(key) {
                let _ = tell.send(());
            }
        }
        let is_unknown =
            |key: &&Key| !known.held.contains_key(*key) && known.claiming != Some(key.1);
        ours.iter().filter(is_unknown).copied().collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
