//! Which events a worker has, and the renewal of its leases.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tower_svix::idempotency::ClaimToken;

use super::settings::{Handler, Worker};
use crate::database;
use crate::database_error::DatabaseError;
use crate::engine::{Engine, Value};
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
    /// Until when a claim that was given up may still be carried out.
    doubtful_until: Option<Instant>,
}

/// What an attempt has of its event, until it is dropped.
pub(super) struct Lease {
    leases: Arc<Leases>,
    key: Key,
    /// Is told if the event is another worker's, or forgotten.
    pub(super) lost: oneshot::Receiver<()>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.known().held.remove(&self.key);
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

    /// The claim is over, and nobody knows whether it is carried out, or will be within `time`.
    pub(super) fn give_up_claim(&self, time: Duration) {
        let mut known = self.known();
        known.claiming = None;
        known.doubtful_until = Some(Instant::now() + time);
        drop(known);
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
            if self.has_to_look(&worker)
                && let Err(error) = self.renew(&worker).await
            {
                telemetry::error("renewal-failed", &error);
            }
        }
    }

    fn has_to_look<DB: Engine>(&self, worker: &Worker<DB>) -> bool {
        let known = self.known();
        let is_doubtful = known
            .doubtful_until
            .is_some_and(|until| until > Instant::now());
        // The transaction of the handler keeps everybody from writing, so nobody can take its event.
        let is_locked = DB::ONE_WRITER && matches!(*worker.handler, Handler::Transactional(_));
        if known.held.is_empty() {
            is_doubtful
        } else {
            !is_locked
        }
    }

    /// Renews all leases with one statement. It returns what the worker has: what is held and not among it is lost, and what is
    /// among it and not held comes from a claim that nobody heard of.
    pub(super) async fn renew<DB: Engine>(&self, worker: &Worker<DB>) -> Result<(), DatabaseError> {
        let held: Vec<Key> = self.known().held.keys().copied().collect();
        let values = [self.id(), Value::Int(database::milliseconds(worker.lease))];
        let (database, sql) = (&worker.inbox.database, &worker.inbox.sql);
        let mut renewed = HashSet::new();
        for row in database.change(&sql.renew, &values).await? {
            let token = DB::bytes(&row, 1)?.unwrap_or_default();
            if let (Some(number), Ok(token)) = (DB::int(&row, 0)?, Token::try_from(token)) {
                renewed.insert((number, token));
            }
        }
        for (number, token) in self.compare(&held, &renewed) {
            let values = [Value::Int(number), Value::Bytes(&token), Value::Int(0)];
            database.execute(&sql.give_back, &values).await?;
            worker.inbox.wake.send_replace(());
        }
        Ok(())
    }

    /// Gives back what a claim may have taken that nobody heard of.
    pub(super) async fn give_back_doubtful<DB: Engine>(&self, worker: &Worker<DB>) {
        let is_doubtful = {
            let mut known = self.known();
            // Dropped in the middle of a claim.
            let is_claiming = known.claiming.take().is_some();
            is_claiming || known.doubtful_until.is_some()
        };
        if is_doubtful && let Err(error) = self.renew(worker).await {
            telemetry::error("renewal-failed", &error);
        }
    }

    /// Tells those that have lost their event, and returns what nobody holds. An attempt that has ended since changes nothing:
    /// its token is not valid any more.
    fn compare(&self, held: &[Key], renewed: &HashSet<Key>) -> Vec<Key> {
        let mut known = self.known();
        for key in held.iter().filter(|key| !renewed.contains(key)) {
            if let Some(tell) = known.held.remove(key) {
                let _ = tell.send(());
            }
        }
        let is_unknown =
            |key: &&Key| !known.held.contains_key(*key) && known.claiming != Some(key.1);
        renewed.iter().filter(is_unknown).copied().collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
