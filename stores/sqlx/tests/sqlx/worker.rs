//! The processing of stored events by a worker.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower_svix_sqlx::inbox::{State, StoredEvent};
use tower_svix_sqlx::worker::{Backoff, BoxError, Failure};
use tower_svix_sqlx::{Engine, Inbox, Worker};
use tower_svix_tests::net::within;

use super::support::{OnPostgres, TestDatabase, deliver, deliver_many, on_each_engine, until};

on_each_engine!(
    each_event_is_processed_once_by_many_workers,
    a_failure_is_retried_until_the_event_is_dead,
    a_handler_says_when_to_try_again,
    a_panic_is_a_failed_attempt,
    a_hanging_handler_is_cut_off,
    events_of_one_key_are_processed_in_their_order,
    a_dead_event_does_not_hold_up_its_key,
    no_more_events_than_allowed_run_at_once,
    what_runs_is_finished_when_the_worker_stops,
    what_does_not_finish_is_given_back,
    an_event_is_not_waited_for_until_the_next_look,
    a_worker_outlives_its_database,
);

/// The attempts in their order: the id of the event and the number of the attempt.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(String, u32)>>>);

impl Seen {
    fn add(&self, event: &StoredEvent) {
        let attempt = (event.id().to_owned(), event.attempt());
        self.0.lock().unwrap().push(attempt);
    }

    fn attempts(&self) -> Vec<(String, u32)> {
        self.0.lock().unwrap().clone()
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// A worker that runs until it is told to stop.
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    fn start<DB: Engine>(worker: Worker<DB>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(worker.run_until(async {
            let _ = stopped.await;
        }));
        Self { stop, task }
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        within(self.task).await.unwrap();
    }
}

/// Makes a worker poll often, because a retry is not announced.
fn eager<DB: Engine>(worker: Worker<DB>) -> Worker<DB> {
    worker
        .poll_interval(Duration::from_millis(10))
        .backoff(Backoff::new(
            Duration::from_millis(1),
            Duration::from_millis(5),
        ))
}

async fn each_event_is_processed_once_by_many_workers<T: TestDatabase>(database: T) {
    const EVENTS: usize = 120;

    let inbox = database.inbox().await;
    let seen = Seen::default();
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let seen = seen.clone();
            Running::start(eager(Worker::new(inbox.clone(), move |event| {
                let seen = seen.clone();
                async move {
                    seen.add(&event);
                    Ok::<_, Infallible>(())
                }
            })))
        })
        .collect();
    deliver_many(&inbox, EVENTS).await;
    until(&inbox, |counts| counts.done == EVENTS as u64).await;
    for worker in workers {
        worker.stop().await;
    }
    let mut attempts = seen.attempts();
    attempts.sort();
    let mut expected: Vec<_> = (0..EVENTS)
        .map(|event| (format!("msg_{event}"), 1))
        .collect();
    expected.sort();
    assert_eq!(attempts, expected);
}

async fn a_failure_is_retried_until_the_event_is_dead<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let seen = Seen::default();
    let worker = Worker::new(inbox.clone(), {
        let seen = seen.clone();
        move |event| {
            seen.add(&event);
            let result = match (event.id(), event.attempt()) {
                ("msg_0", 1 | 2) | ("msg_1", _) => Err("not \0 today"),
                _ => Ok(()),
            };
            async move { result }
        }
    });
    let worker = Running::start(eager(worker.max_attempts(3)));
    deliver_many(&inbox, 2).await;
    until(&inbox, |counts| (counts.done, counts.dead) == (1, 1)).await;
    let dead = inbox.show(2).await.unwrap().unwrap();
    assert_eq!((dead.state, dead.attempts), (State::Dead, 3));
    assert_eq!(dead.error.as_deref(), Some("not \u{fffd} today"));
    assert!(dead.ended_at.is_some());
    let done = inbox.show(1).await.unwrap().unwrap();
    assert_eq!((done.attempts, done.error), (3, None));
    for id in ["msg_0", "msg_1"] {
        let attempts = seen.attempts();
        let of_it: Vec<_> = attempts
            .iter()
            .filter(|(of, _)| of == id)
            .map(|(_, attempt)| *attempt)
            .collect();
        assert_eq!(of_it, [1, 2, 3], "{id}");
    }

    assert_eq!(inbox.retry_dead().await.unwrap(), 1);
    until(&inbox, |counts| counts.dead == 1 && seen.count() == 9).await;
    worker.stop().await;
}

async fn a_handler_says_when_to_try_again<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let worker = Worker::new(inbox.clone(), |event| async move {
        Err::<(), BoxError>(match event.id() {
            "msg_0" => Failure::permanent("never").into(),
            _ => Failure::retry_after("later", Duration::from_hours(1)).into(),
        })
    });
    let worker = Running::start(eager(worker));
    deliver_many(&inbox, 2).await;
    until(&inbox, |counts| {
        (counts.dead, counts.pending, counts.running) == (1, 1, 0)
    })
    .await;
    worker.stop().await;
    let dead = inbox.show(1).await.unwrap().unwrap();
    assert_eq!((dead.attempts, dead.error.as_deref()), (1, Some("never")));
    let later = inbox.show(2).await.unwrap().unwrap();
    assert_eq!((later.attempts, later.error.as_deref()), (1, Some("later")));
    let pause = later.due_at.duration_since(later.received_at).unwrap();
    assert!(pause >= Duration::from_hours(1), "{pause:?}");
}

async fn a_panic_is_a_failed_attempt<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let worker = Worker::new(inbox.clone(), |event: StoredEvent| async move {
        assert!(event.attempt() > 1, "the first is bad luck");
        Ok::<_, Infallible>(())
    });
    let worker = Running::start(eager(worker));
    deliver_many(&inbox, 3).await;
    until(&inbox, |counts| counts.done == 3).await;
    worker.stop().await;

    let worker = Worker::new(
        inbox.clone(),
        |_| -> std::future::Ready<Result<(), Infallible>> { panic!("before there is a future") },
    );
    let worker = Running::start(eager(worker.max_attempts(1)));
    deliver(&inbox, "msg_3", "{}").await;
    until(&inbox, |counts| counts.dead == 1).await;
    worker.stop().await;
    let dead = inbox.show(4).await.unwrap().unwrap();
    let error = dead.error.unwrap();
    assert!(error.contains("before there is a future"), "{error}");
}

async fn a_hanging_handler_is_cut_off<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let worker = Worker::new(inbox.clone(), |event: StoredEvent| async move {
        match (event.id(), event.attempt()) {
            ("msg_0", 1) => std::future::pending().await,
            // No abort can stop a blocked thread.
            ("msg_1", 1) => std::thread::sleep(Duration::from_secs(3)),
            _ => {}
        }
        Ok::<_, Infallible>(())
    });
    let worker = Running::start(eager(worker.timeout(Duration::from_millis(200))));
    deliver_many(&inbox, 2).await;
    until(&inbox, |counts| counts.done == 2).await;
    worker.stop().await;
    for number in [1, 2] {
        assert_eq!(inbox.show(number).await.unwrap().unwrap().attempts, 2);
    }
}

async fn events_of_one_key_are_processed_in_their_order<T: TestDatabase>(database: T) {
    const KEYS: usize = 3;
    const OF_EACH: usize = 12;

    let inbox = database
        .inbox()
        .await
        .order_by_key(|event| event.id().split('-').next().map(str::to_owned));
    let seen = Seen::default();
    let running: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    for event in 0..OF_EACH {
        for key in 0..KEYS {
            deliver(&inbox, &format!("key{key}-{event:02}"), "{}").await;
        }
    }
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (seen, running) = (seen.clone(), Arc::clone(&running));
            Running::start(eager(Worker::new(inbox.clone(), move |event| {
                let (seen, running) = (seen.clone(), Arc::clone(&running));
                async move {
                    let key = event.id()[..4].to_owned();
                    let count = |by: usize, less: usize| {
                        let mut running = running.lock().unwrap();
                        let of_key = running.entry(key.clone()).or_default();
                        *of_key = *of_key + by - less;
                        *of_key
                    };
                    assert_eq!(count(1, 0), 1, "another event of the key is running");
                    sleep(Duration::from_millis(rand::random_range(0..5))).await;
                    // Some events fail once, and the later events of their key wait.
                    let fails = event.id().ends_with('5') && event.attempt() == 1;
                    if !fails {
                        seen.add(&event);
                    }
                    count(0, 1);
                    if fails { Err("once") } else { Ok(()) }
                }
            })))
        })
        .collect();
    until(&inbox, |counts| counts.done == (KEYS * OF_EACH) as u64).await;
    for worker in workers {
        worker.stop().await;
    }
    let attempts = seen.attempts();
    for key in 0..KEYS {
        let prefix = format!("key{key}-");
        let ids: Vec<_> = attempts
            .iter()
            .filter(|(id, _)| id.starts_with(&prefix))
            .collect();
        assert_eq!(ids.len(), OF_EACH);
        assert!(ids.is_sorted_by_key(|(id, _)| id), "{ids:?}");
    }
}

async fn a_dead_event_does_not_hold_up_its_key<T: TestDatabase>(database: T) {
    let inbox = database
        .inbox()
        .await
        .order_by_key(|_| Some("one\0key".repeat(1000)));
    deliver_many(&inbox, 3).await;
    let worker = Worker::new(inbox.clone(), |event: StoredEvent| async move {
        match event.id() {
            "msg_0" => Err(Failure::permanent("never")),
            _ => Ok(()),
        }
    });
    let worker = Running::start(eager(worker));
    until(&inbox, |counts| (counts.dead, counts.done) == (1, 2)).await;
    worker.stop().await;
}

async fn no_more_events_than_allowed_run_at_once<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let running = Arc::new(AtomicUsize::new(0));
    let worker = Worker::new(inbox.clone(), {
        let running = Arc::clone(&running);
        move |_| {
            let running = Arc::clone(&running);
            async move {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                sleep(Duration::from_millis(5)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                if now > 3 { Err("too many") } else { Ok(()) }
            }
        }
    });
    deliver_many(&inbox, 30).await;
    let worker = Running::start(eager(worker.concurrency(3).max_attempts(1)));
    until(&inbox, |counts| counts.done + counts.dead == 30).await;
    worker.stop().await;
    assert_eq!(inbox.counts().await.unwrap().dead, 0);
}

async fn what_runs_is_finished_when_the_worker_stops<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let gate = Arc::new(Semaphore::new(0));
    let seen = Seen::default();
    let worker = gated(&inbox, &gate, &seen).concurrency(1);
    deliver_many(&inbox, 2).await;
    let worker = Running::start(eager(worker));
    wait_for(&seen, 1).await;
    let _ = worker.stop.send(());
    sleep(Duration::from_millis(50)).await;
    gate.add_permits(2);
    within(worker.task).await.unwrap();
    // The worker took no other event.
    let counts = inbox.counts().await.unwrap();
    assert_eq!((counts.done, counts.pending), (1, 1));
}

async fn what_does_not_finish_is_given_back<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let gate = Arc::new(Semaphore::new(0));
    let seen = Seen::default();
    let worker = gated(&inbox, &gate, &seen).grace(Duration::from_millis(50));
    deliver_many(&inbox, 2).await;
    let worker = Running::start(eager(worker));
    wait_for(&seen, 2).await;
    worker.stop().await;
    assert_eq!(inbox.counts().await.unwrap().pending, 2);
    // The events can be taken again at once, and the stopped run did not count as an attempt.
    gate.add_permits(2);
    let worker = Running::start(eager(gated(&inbox, &gate, &seen)));
    until(&inbox, |counts| counts.done == 2).await;
    worker.stop().await;
    assert!(seen.attempts().iter().all(|(_, attempt)| *attempt == 1));
}

fn gated<DB: Engine>(inbox: &Inbox<DB>, gate: &Arc<Semaphore>, seen: &Seen) -> Worker<DB> {
    let (gate, seen) = (Arc::clone(gate), seen.clone());
    Worker::new(inbox.clone(), move |event| {
        let (gate, seen) = (Arc::clone(&gate), seen.clone());
        async move {
            seen.add(&event);
            gate.acquire().await.unwrap().forget();
            Ok::<_, Infallible>(())
        }
    })
}

async fn wait_for(seen: &Seen, attempts: usize) {
    within(async {
        while seen.count() < attempts {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Longer than any test takes.
const NEVER: Duration = Duration::from_hours(1);

async fn an_event_is_not_waited_for_until_the_next_look<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let seen = Seen::default();
    let gate = Arc::new(Semaphore::new(100));
    let worker = Running::start(gated(&inbox, &gate, &seen).poll_interval(NEVER));
    sleep(Duration::from_millis(100)).await;
    // All events share one deadline, because the worker also polls whenever it measures the depth.
    within(async {
        for event in 0..20 {
            deliver(&inbox, &format!("msg_{event}"), "{}").await;
            until(&inbox, |counts| counts.done == event + 1).await;
        }
    })
    .await;
    worker.stop().await;
}

/// A second `Inbox` object stands for the inbox of another process.
#[tokio::test(flavor = "multi_thread")]
async fn another_process_is_told_of_an_event() {
    let database = OnPostgres::new().await;
    let inbox = database.inbox().await;
    let theirs = Inbox::new(database.another_pool(5).await);
    let seen = Seen::default();
    let gate = Arc::new(Semaphore::new(1000));
    let worker = Running::start(gated(&theirs, &gate, &seen).poll_interval(NEVER));
    within(Box::pin(async {
        for round in 0..10 {
            for event in 0..5 {
                deliver(&inbox, &format!("msg_{round}_{event}"), "{}").await;
            }
            until(&inbox, |counts| counts.done == 5 * (round + 1)).await;
        }
    }))
    .await;
    worker.stop().await;
}

/// An event gets its number when it is inserted, not when the transaction commits and others see it.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_seen_late_waits_for_one_of_its_key_that_runs() {
    let database = OnPostgres::new().await;
    let inbox = database.inbox().await.order_by_key(|_| Some("k".into()));
    let mut late = database.pool().begin().await.unwrap();
    sqlx::query(
        "INSERT INTO webhook_inbox (key, id, sent_at, payload, order_key) \
         VALUES ('a', 'msg_late', now(), '', sha256('k'))",
    )
    .execute(&mut *late)
    .await
    .unwrap();
    deliver(&inbox, "msg_early", "{}").await;
    let gate = Arc::new(Semaphore::new(0));
    let seen = Seen::default();
    let worker = Running::start(eager(gated(&inbox, &gate, &seen)));
    wait_for(&seen, 1).await;
    late.commit().await.unwrap();
    sleep(Duration::from_millis(200)).await;
    assert_eq!(seen.attempts(), [("msg_early".to_owned(), 1)]);
    gate.add_permits(2);
    until(&inbox, |counts| counts.done == 2).await;
    worker.stop().await;
}

async fn a_worker_outlives_its_database<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let seen = Seen::default();
    let gate = Arc::new(Semaphore::new(0));
    let worker = Running::start(eager(gated(&inbox, &gate, &seen)));
    deliver_many(&inbox, 1).await;
    wait_for(&seen, 1).await;
    database
        .execute("ALTER TABLE webhook_inbox RENAME TO elsewhere")
        .await;
    // The handler finishes, but its success cannot be recorded.
    gate.add_permits(1);
    sleep(Duration::from_millis(300)).await;
    database
        .execute("ALTER TABLE elsewhere RENAME TO webhook_inbox")
        .await;
    until(&inbox, |counts| counts.done == 1).await;
    worker.stop().await;
    assert_eq!(seen.count(), 1, "it is not done again for that");
}
