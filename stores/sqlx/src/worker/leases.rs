//! Which events a worker has, and the renewal of its leases.

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

/// What a worker has, and what it may have.
pub(super) struct Leases {
    /// The name of the worker in the table.
    id: ClaimToken,
    known: Mutex<Known>,
    /// A claim failed: it may have been carried out all the same.
    doubt: Notify,
}

#[derive(Default)]
struct Known {
    /// Those that run, and who is told if the event is another's.
    held: HashMap<Key, oneshot::Sender<()>>,
    /// The claim that is under way.
    claiming: Option<Token>,
    /// Those whose attempt panicked, rather than say what became of it.
    broken_off: HashSet<Key>,
    /// The worker was dropped. What ran is left to its lease, as after any death.
    is_dropped: bool,
}

/// What an attempt has of its event, until it is dropped.
pub(super) struct Lease {
    leases: Arc<Leases>,
    key: Key,
    /// Is told if the event is another worker's, or forgotten.
    pub(super) lost: oneshot::Receiver<()>,
}

/// Tells the renewal, which may be at work on another thread, that the worker is dropped.
///
/// Otherwise it could see that an event is not held any more, and give it back as if its handler had never run.
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

    /// The claim is over. An event that has its token, and is not held, is given back from now on.
    pub(super) fn end_claim(&self) {
        self.known().claiming = None;
    }

    /// The claim is over, and nobody knows whether it is carried out, or will be.
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

    /// Renews all leases of the worker, without end.
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

    /// Renews all leases with one statement, and looks at what the worker has: what is held and not among it is lost, and what
    /// is among it and not held is nobody's.
    ///
    /// It looks also if nothing is held. No other worker takes what is ours before its lease has passed, and this one never
    /// would.
    async fn renew<DB: Engine>(&self, worker: &Worker<DB>) -> Result<(), DatabaseError> {
        // The transaction of the handler keeps everybody from writing, so nobody can take its event.
        let is_locked = DB::ONE_WRITER && matches!(*worker.handler, Handler::Transactional(_));
        let mut held: Vec<Key> = self.known().held.keys().copied().collect();
        if is_locked && !held.is_empty() {
            if worker.inbox.database.pool().options().get_max_connections() == 1 {
                // The handler has the one connection.
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

    /// Gives back what comes from a claim that nobody heard of. If an attempt ended without a word, it has failed: otherwise
    /// its event would come again and again.
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
            // The next claim sees whether an attempt is left.
            let state = Value::Text(Some(State::Pending.name()));
            values.extend([Value::Text(Some("the attempt panicked")), state]);
        }
        database.execute(sql, &values).await?;
        self.known().broken_off.remove(&key);
        worker.inbox.wake.send_replace(());
        Ok(())
    }

    /// Gives back what nobody holds, at the end of the worker.
    pub(super) async fn give_back_unknown<DB: Engine>(&self, worker: &Worker<DB>) {
        // Dropped in the middle of a claim.
        self.end_claim();
        if let Err(error) = self.look(worker, &[]).await {
            telemetry::error("renewal-failed", &error);
        }
    }

    /// Tells those that have lost their event, and returns what nobody holds. An attempt that has ended since changes nothing:
    /// its token is not valid any more.
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
