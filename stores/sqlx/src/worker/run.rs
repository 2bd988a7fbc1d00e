//! The loop that runs attempts.

use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tower_svix::idempotency::ClaimToken;

use super::attempt::Attempt;
use super::claim::Claims;
use super::leases::{Leases, TellsDrop};
use super::settings::{Handler, Worker};
use super::task::EndsWhenDropped;
use crate::database_error::DatabaseError;
use crate::engine::Engine;
use crate::inbox::Inbox;
use crate::telemetry;

/// The interval in which the depth of the inbox is measured.
const MEASURE_EACH: Duration = Duration::from_secs(15);
/// How long the last statements may take after the grace has ended.
const LAST_STATEMENTS: Duration = Duration::from_secs(5);

impl<DB: Engine> Worker<DB> {
    /// Processes events, and never returns.
    ///
    /// Dropping the future stops the handlers that run; their events are taken up again once the lease has ended. Use
    /// [`run_until`](Self::run_until) for a graceful stop.
    pub async fn run(self) {
        self.run_until(pending()).await;
    }

    /// Processes events until `shutdown` is ready, and returns when all running events are finished or given back.
    ///
    /// After `shutdown`, that takes at most the [grace](Self::grace) and a few seconds. A failure of the database does not end
    /// this: it is logged, and tried again.
    pub async fn run_until(mut self, shutdown: impl Future<Output = ()>) {
        self.concurrency = self.concurrency.min(self.capacity());
        let mut shutdown = pin!(shutdown);
        let id = tokio::select! {
            biased;
            () = &mut shutdown => return,
            id = random_id() => id,
        };
        let heard = self.inbox.wake.clone();
        let wake = heard.subscribe();
        let pool = self.inbox.database.pool().clone();
        let _listener = EndsWhenDropped(tokio::spawn(DB::listen(pool, heard)));
        let worker = Arc::new(self);
        let leases = Arc::new(Leases::new(id));
        let keep = Arc::clone(&leases).keep(Arc::clone(&worker));
        let _renewal = EndsWhenDropped(tokio::spawn(keep));
        let _measuring = telemetry::MEASURES
            .then(|| EndsWhenDropped(tokio::spawn(measure(worker.inbox.clone()))));

        let (stopping, stopped) = watch::channel(false);
        let mut attempts = Attempts {
            claims: Claims::new(Arc::clone(&worker), Arc::clone(&leases)),
            worker: Arc::clone(&worker),
            running: JoinSet::new(),
            stopped,
            for_suspect: Arc::new(Semaphore::new(1)),
        };
        // Declared after the attempts, so that it is dropped before them.
        let _tells_drop = TellsDrop(Arc::clone(&leases));
        attempts.run_until(shutdown, wake).await;

        let running = &mut attempts.running;
        let finish = async { while running.join_next().await.is_some() {} };
        if timeout(worker.grace, finish).await.is_err() {
            stopping.send_replace(true);
            let give_back = async { while running.join_next().await.is_some() {} };
            let at_most = worker.inbox.database.timeout() + LAST_STATEMENTS;
            let _ = timeout(at_most, give_back).await;
        }
        leases.give_back_unknown(&worker).await;
    }

    /// Returns how many events can be processed at once with the connections of the pool.
    fn capacity(&self) -> usize {
        match *self.handler {
            Handler::Plain(_) => usize::MAX,
            Handler::Transactional(_) if DB::ONE_WRITER => 1,
            Handler::Transactional(_) => {
                let connections = self.inbox.database.pool().options().get_max_connections();
                usize::try_from(connections).map_or(usize::MAX, |all| all.saturating_sub(2).max(1))
            }
        }
    }
}

/// The running attempts.
struct Attempts<DB: Engine> {
    worker: Arc<Worker<DB>>,
    claims: Claims<DB>,
    running: JoinSet<()>,
    stopped: watch::Receiver<bool>,
    /// The permit to run a suspect, an event that may have killed its workers.
    for_suspect: Arc<Semaphore>,
}

impl<DB: Engine> Attempts<DB> {
    /// Starts attempts until `shutdown`. A claim is never cancelled, because its events would wait for the end of their
    /// leases.
    async fn run_until(
        &mut self,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
        mut wake: watch::Receiver<()>,
    ) {
        loop {
            while self.running.try_join_next().is_some() {}
            if self.room() > 0 {
                wake.borrow_and_update();
                if let Err(error) = self.start().await {
                    telemetry::error("claim-failed", &error);
                }
            }
            let has_room = self.room() > 0;
            tokio::select! {
                biased;
                () = &mut shutdown => return,
                Some(_) = self.running.join_next(), if !self.running.is_empty() => {}
                _ = wake.changed(), if has_room => {}
                () = sleep(self.worker.poll_interval), if has_room => {}
            }
        }
    }

    fn room(&self) -> usize {
        self.worker.concurrency.saturating_sub(self.running.len())
    }

    /// Starts as many attempts as there is room for.
    async fn start(&mut self) -> Result<(), DatabaseError> {
        let mut permit = Arc::clone(&self.for_suspect).try_acquire_owned().ok();
        let late = self.claims.late(self.room(), permit.is_none()).await?;
        for claimed in late {
            let is_suspect = self.claims.is_suspect(&claimed.event);
            let alone = if is_suspect { permit.take() } else { None };
            let attempt = Attempt::new(Arc::clone(&self.worker), claimed, alone);
            self.running.spawn(attempt.run(self.stopped.clone()));
        }
        let room = self.room();
        for claimed in self.claims.waiting(room).await? {
            let attempt = Attempt::new(Arc::clone(&self.worker), claimed, None);
            self.running.spawn(attempt.run(self.stopped.clone()));
        }
        Ok(())
    }
}

async fn measure<DB: Engine>(inbox: Inbox<DB>) {
    let mut ticks = interval(MEASURE_EACH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = inbox.measure().await {
            telemetry::error("measurement-failed", &error);
        }
    }
}

async fn random_id() -> ClaimToken {
    loop {
        match ClaimToken::random() {
            Ok(id) => return id,
            Err(error) => telemetry::error("claim-failed", &error),
        }
        sleep(Duration::from_secs(1)).await;
    }
}
