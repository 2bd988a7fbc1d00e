//! A worker that dies, freezes or loses its lease: with a transaction, each event has its effect exactly once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor, Transaction};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tower_svix_sqlx::inbox::{State, StoredEvent};
use tower_svix_sqlx::worker::BoxError;
use tower_svix_sqlx::{Engine, Inbox, Worker};
use tower_svix_tests::net::within;

use super::support::{TestDatabase, deliver_many, on_each_engine, soon, until};

on_each_engine!(
    an_effect_happens_exactly_once,
    what_fails_in_a_transaction_has_no_effect,
    whoever_outlives_the_lease_commits_nothing,
    whoever_lost_the_event_is_cut_off,
    an_event_whose_worker_died_is_taken_up,
    an_event_that_kills_its_workers_is_dead_in_the_end,
);

/// A transaction that a test can write into.
trait Write<DB: Engine> {
    fn write(&mut self, sql: String) -> impl Future<Output = ()> + Send;
}

impl<DB: Engine> Write<DB> for Transaction<'static, DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    async fn write(&mut self, sql: String) {
        (&mut **self)
            .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
            .await
            .unwrap();
    }
}

fn effect(event: &StoredEvent) -> String {
    format!("INSERT INTO effects VALUES ('{}')", event.id())
}

async fn with_effects<T: TestDatabase>(database: &T) -> Inbox<T::Engine> {
    database.execute("CREATE TABLE effects (id TEXT)").await;
    database.inbox().await
}

async fn effects<T: TestDatabase>(database: &T) -> i64 {
    database.number("SELECT count(*) FROM effects").await
}

async fn an_effect_happens_exactly_once<T: TestDatabase>(database: T)
where
    Transaction<'static, T::Engine>: Write<T::Engine>,
{
    const EVENTS: u32 = 40;

    let inbox = with_effects(&database).await;
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let worker = Worker::transactional(inbox.clone(), |event, transaction| {
                Box::pin(async move {
                    transaction.write(effect(&event)).await;
                    // Half of the events fail once, after their effect.
                    if event.attempt() == 1 && event.number() % 2 == 0 {
                        return Err("once");
                    }
                    Ok(())
                })
            });
            tokio::spawn(soon(worker).run())
        })
        .collect();
    deliver_many(&inbox, EVENTS as usize).await;
    until(&inbox, |counts| counts.done == u64::from(EVENTS)).await;
    for worker in workers {
        worker.abort();
    }
    assert_eq!(effects(&database).await, i64::from(EVENTS));
    let distinct = database.number("SELECT count(DISTINCT id) FROM effects");
    assert_eq!(distinct.await, i64::from(EVENTS));
}

async fn what_fails_in_a_transaction_has_no_effect<T: TestDatabase>(database: T)
where
    Transaction<'static, T::Engine>: Write<T::Engine>,
{
    let inbox = with_effects(&database).await;
    let worker = Worker::transactional(inbox.clone(), |event, transaction| {
        Box::pin(async move {
            transaction.write(effect(&event)).await;
            match event.id() {
                "msg_0" => Err::<(), BoxError>("an error".into()),
                "msg_1" => panic!("a panic"),
                _ => std::future::pending().await,
            }
        })
    });
    let worker = soon(worker)
        .max_attempts(2)
        .timeout(Duration::from_millis(200));
    let running = tokio::spawn(worker.run());
    deliver_many(&inbox, 3).await;
    until(&inbox, |counts| counts.dead == 3).await;
    running.abort();
    assert_eq!(effects(&database).await, 0);
    for number in 1..4 {
        let dead = inbox.show(number).await.unwrap().unwrap();
        assert_eq!(dead.attempts, 2, "{:?}", dead.error);
    }
}

/// Ends the lease of the event, so that another worker can take it.
async fn take_away<T: TestDatabase>(database: &T) {
    let day = Duration::from_hours(24);
    database.age("webhook_inbox", "due_at", day).await;
}

async fn whoever_outlives_the_lease_commits_nothing<T: TestDatabase>(database: T)
where
    Transaction<'static, T::Engine>: Write<T::Engine>,
{
    let inbox = with_effects(&database).await;
    let gate = Arc::new(Semaphore::new(0));
    let started = Arc::new(AtomicUsize::new(0));
    let frozen = Worker::transactional(inbox.clone(), {
        let (gate, started) = (Arc::clone(&gate), Arc::clone(&started));
        move |event, transaction| {
            let (gate, started) = (Arc::clone(&gate), Arc::clone(&started));
            Box::pin(async move {
                started.fetch_add(1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                transaction.write(effect(&event)).await;
                Ok::<_, Infallible>(())
            })
        }
    });
    // The lease is so long that the worker does not renew it, as if it was frozen.
    let frozen = tokio::spawn(frozen.lease(Duration::from_hours(10)).concurrency(1).run());
    deliver_many(&inbox, 1).await;
    within(async {
        while started.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;

    if T::Engine::is_one_writer() {
        // The lease does not matter: nobody else can take the event while its transaction is open.
        gate.add_permits(1);
    } else {
        take_away(&database).await;
        let successor = Worker::transactional(inbox.clone(), |event, transaction| {
            Box::pin(async move {
                transaction.write(effect(&event)).await;
                Ok::<_, Infallible>(())
            })
        });
        let successor = tokio::spawn(soon(successor).run());
        until(&inbox, |counts| counts.done == 1).await;
        successor.abort();
        gate.add_permits(1);
        sleep(Duration::from_millis(300)).await;
    }
    until(&inbox, |counts| counts.done == 1).await;
    frozen.abort();
    assert_eq!(effects(&database).await, 1);
}

/// The difference between the engines that matters here.
trait OneWriter {
    fn is_one_writer() -> bool;
}

impl<DB: Engine> OneWriter for DB {
    fn is_one_writer() -> bool {
        DB::NAME == "SQLite"
    }
}

/// Increments the counter when it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

async fn whoever_lost_the_event_is_cut_off<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let dropped = Arc::new(AtomicUsize::new(0));

    let worker = Worker::new(inbox.clone(), {
        let dropped = Arc::clone(&dropped);
        move |_| {
            let counted = Counted(Arc::clone(&dropped));
            async move {
                let _counted = counted;
                std::future::pending::<Result<(), Infallible>>().await
            }
        }
    });
    let running = tokio::spawn(soon(worker).lease(Duration::from_secs(1)).run());
    deliver_many(&inbox, 1).await;
    until(&inbox, |counts| counts.running == 1).await;
    assert!(inbox.forget(1).await.unwrap());
    within(async {
        while dropped.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    running.abort();
}

async fn an_event_whose_worker_died_is_taken_up<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    deliver_many(&inbox, 3).await;
    let doomed = Worker::new(inbox.clone(), |_| {
        std::future::pending::<Result<(), Infallible>>()
    });
    let doomed = tokio::spawn(doomed.run());
    until(&inbox, |counts| counts.running == 3).await;
    doomed.abort();
    let _ = doomed.await;
    assert_eq!(inbox.counts().await.unwrap().running, 3, "nobody was told");

    let successor = Worker::new(inbox.clone(), |_| async { Ok::<_, Infallible>(()) });
    let successor = tokio::spawn(soon(successor).run());
    sleep(Duration::from_millis(200)).await;
    assert_eq!(
        inbox.counts().await.unwrap().done,
        0,
        "the lease has not passed"
    );
    take_away(&database).await;
    until(&inbox, |counts| counts.done == 3).await;
    successor.abort();
    assert_eq!(inbox.show(1).await.unwrap().unwrap().attempts, 2);
}

async fn an_event_that_kills_its_workers_is_dead_in_the_end<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    deliver_many(&inbox, 1).await;
    for attempt in 1..=2 {
        let doomed = Worker::new(inbox.clone(), |_| {
            std::future::pending::<Result<(), Infallible>>()
        });
        let doomed = tokio::spawn(soon(doomed).max_attempts(2).run());
        within(async {
            while inbox.show(1).await.unwrap().unwrap().attempts < attempt {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        doomed.abort();
        let _ = doomed.await;
        take_away(&database).await;
    }
    let called = Arc::new(AtomicUsize::new(0));
    let successor = Worker::new(inbox.clone(), {
        let called = Arc::clone(&called);
        move |_| {
            called.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, Infallible>(()) }
        }
    });
    let successor = tokio::spawn(soon(successor).max_attempts(2).run());
    until(&inbox, |counts| counts.dead == 1).await;
    successor.abort();
    let dead = inbox.show(1).await.unwrap().unwrap();
    assert_eq!((dead.state, dead.attempts), (State::Dead, 2));
    assert!(dead.error.unwrap().contains("died"));
    assert_eq!(called.load(Ordering::SeqCst), 0);
}
