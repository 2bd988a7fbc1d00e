//! The loop that takes events.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tower_svix::idempotency::ClaimToken;

use super::attempt::Attempt;
use super::settings::{Handler, Worker};
use super::task::EndsWhenDropped;
use crate::database::{self, DatabaseError};
use crate::engine::{Engine, Value};
use crate::inbox::{State, StoredEvent};
use crate::telemetry;

/// How often the depth of the inbox is measured.
const MEASURE_EACH: Duration = Duration::from_secs(15);
/// How long the last statements may take once the grace is over.
const LAST_STATEMENTS: Duration = Duration::from_secs(5);

impl<DB: Engine> Worker<DB> {
    /// Processes events without end.
    ///
    /// Dropping the future cuts off what runs: it is taken up again once the lease has passed. Use
    /// [`run_until`](Self::run_until) for an orderly end.
    pub async fn run(self) {
        self.run_until(pending()).await;
    }

    /// Processes events until `shutdown` is ready, and returns when what runs is finished or given back.
    ///
    /// That takes no longer than the [grace](Self::grace) and a few seconds more. A database that fails does not end this: it is
    /// logged, and tried again.
    pub async fn run_until(mut self, shutdown: impl Future<Output = ()>) {
        self.concurrency = self.concurrency.min(self.capacity());
        let heard = self.inbox.wake.clone();
        let mut wake = heard.subscribe();
        let pool = self.inbox.database.pool().clone();
        let _listener = EndsWhenDropped(tokio::spawn(DB::listen(pool, heard)));

        let worker = Arc::new(self);
        let (stopping, stopped) = watch::channel(false);
        let mut attempts = JoinSet::new();
        let mut measuring = interval(MEASURE_EACH);
        measuring.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The tokens of claims that may have been made, though we were not told. They are given back before the next claim; one
        // that the database carries out even later ends with its lease.
        let mut lost = Vec::new();
        let mut shutdown = pin!(shutdown);
        loop {
            while attempts.try_join_next().is_some() {}
            let room = worker.concurrency - attempts.len();
            if room > 0 {
                wake.borrow_and_update();
                match worker.claim(room, &mut lost).await {
                    Ok(claimed) => {
                        for (event, token) in claimed {
                            let attempt = Attempt::new(Arc::clone(&worker), event, token);
                            attempts.spawn(attempt.run(stopped.clone()));
                        }
                    }
                    Err(error) => telemetry::error("claim-failed", &error),
                }
            }
            let has_room = attempts.len() < worker.concurrency;
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(_) = attempts.join_next(), if !attempts.is_empty() => {}
                _ = wake.changed(), if has_room => {}
                _ = measuring.tick(), if telemetry::MEASURES => {
                    if let Err(error) = worker.inbox.measure().await {
                        telemetry::error("measurement-failed", &error);
                    }
                }
                () = sleep(worker.poll_interval), if has_room => {}
            }
        }

        let finish = async { while attempts.join_next().await.is_some() {} };
        if timeout(worker.grace, finish).await.is_err() {
            stopping.send_replace(true);
            let give_back = async { while attempts.join_next().await.is_some() {} };
            let at_most = worker.inbox.database.timeout + LAST_STATEMENTS;
            let _ = timeout(at_most, give_back).await;
        }
        let _ = worker.give_back_lost(&mut lost).await;
    }

    /// How many events can be processed at once with the connections that there are.
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

    /// Takes events that nobody has.
    async fn claim(
        &self,
        room: usize,
        lost: &mut Vec<ClaimToken>,
    ) -> Result<Vec<(StoredEvent, ClaimToken)>, DatabaseError> {
        self.give_back_lost(lost).await?;
        let token = ClaimToken::random()?;
        let values = [
            Value::Int(i64::try_from(room).unwrap_or(i64::MAX)),
            Value::Bytes(token.as_bytes()),
            Value::Int(database::milliseconds(self.lease)),
            Value::Int(self.max_attempts.into()),
        ];
        let database = &self.inbox.database;
        let rows = match database.change(&self.inbox.sql.claim, &values).await {
            Ok(rows) => rows,
            // Somebody else has taken an event with the same order key in this very moment. Nothing was taken here.
            Err(error) if error.is_conflict() => {
                self.inbox.wake.send_replace(());
                return Ok(Vec::new());
            }
            Err(error) => {
                lost.push(token);
                return Err(error);
            }
        };
        let mut claimed = Vec::new();
        for row in rows {
            let (event, state) = StoredEvent::read::<DB>(&row)?;
            if state == State::Running {
                telemetry::started(event.age());
                claimed.push((event, token));
            } else {
                let detail = format!("{} is given up: its worker died", event.id());
                telemetry::error("dead", &detail);
                telemetry::attempted("dead", Duration::ZERO);
            }
        }
        // The statement returns them in any order.
        claimed.sort_by_key(|(event, _)| event.number());
        Ok(claimed)
    }

    async fn give_back_lost(&self, lost: &mut Vec<ClaimToken>) -> Result<(), DatabaseError> {
        while let Some(token) = lost.last() {
            let values = [Value::Bytes(token.as_bytes())];
            let database = &self.inbox.database;
            let given_back = database.execute(&self.inbox.sql.give_back_claim, &values);
            given_back.await?;
            lost.pop();
        }
        Ok(())
    }
}
