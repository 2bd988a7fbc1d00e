//! Receivers that share a table of ids: the database is killed, restarted and frozen, and no event is lost.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tower_svix::idempotency::Outcome;
use tower_svix_sqlx::SqlStore;
use tower_svix_tests::net::within;
use tower_svix_tests::postgres_server::PostgresServer;
use tower_svix_tests::receivers::{Effects, deliver, deliver_until_acknowledged, receiver};

use super::support::{OnPostgres, TestDatabase, on_each_engine};

on_each_engine!(
    two_receivers_process_each_event_once,
    a_dropped_request_releases_its_event
);

const IDS: usize = 25;
const DELIVERIES: usize = 500;
/// Longer than any test here takes.
const LONG_LEASE: Duration = Duration::from_mins(10);

async fn two_receivers_process_each_event_once<T: TestDatabase>(database: T) {
    let effects = Effects::default();
    let store = SqlStore::new(database.pool()).timeout(Duration::from_secs(20));
    store.migrate().await.unwrap();
    let receivers = [
        receiver(store.clone(), LONG_LEASE, &effects, None),
        receiver(store, LONG_LEASE, &effects, None),
    ];
    let deliveries = (0..DELIVERIES).map(|number| {
        let (receiver, effects) = (receivers[number % 2].clone(), effects.clone());
        tokio::spawn(async move {
            let id = format!("msg_{}", number / 2 % IDS);
            let (status, outcome) = deliver(&receiver, &id).await;
            match outcome {
                Outcome::Processed | Outcome::Replayed => {
                    assert_eq!(status, StatusCode::OK);
                    assert_eq!(effects.of(&id), 1, "{id} is acknowledged after its effect");
                }
                Outcome::InProgress { .. } => assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE),
                other => panic!("{other:?}"),
            }
            outcome
        })
    });
    let outcomes = join_all(deliveries).await;
    let processed = outcomes
        .iter()
        .filter(|outcome| *outcome.as_ref().unwrap() == Outcome::Processed);
    assert_eq!(processed.count(), IDS);
    for id in 0..IDS {
        let id = format!("msg_{id}");
        assert_eq!(effects.of(&id), 1, "{id}");
        for receiver in &receivers {
            assert_eq!(deliver(receiver, &id).await.1, Outcome::Replayed);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_postgres_is_killed_and_restarted() {
    let mut server = PostgresServer::start();
    let effects = Effects::default();
    // Short, because a claim ends only with its lease if the database could not be told of its end.
    let lease = Duration::from_secs(3);
    let mut receivers = Vec::new();
    for _ in 0..2 {
        let store = SqlStore::new(server.pool().await).timeout(Duration::from_secs(1));
        store.migrate().await.unwrap();
        receivers.push(receiver(store, lease, &effects, None));
    }
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let deliveries: Vec<_> = (0..DELIVERIES)
        .map(|number| {
            let (receivers, effects) = (receivers.clone(), effects.clone());
            let acknowledged = Arc::clone(&acknowledged);
            tokio::spawn(async move {
                // The deliveries start over some two seconds, so that the crash comes in the middle.
                sleep(Duration::from_millis(4 * number as u64)).await;
                // Some of the ids appear only after the crash.
                let id = format!("msg_{}_{}", number % IDS, number / (DELIVERIES / 4));
                let outcomes = deliver_until_acknowledged(&receivers, &id).await;
                acknowledged.fetch_add(1, Ordering::SeqCst);
                assert!(
                    effects.of(&id) >= 1,
                    "{id} is acknowledged after its effect"
                );
                (id, outcomes)
            })
        })
        .collect();
    within(async {
        while acknowledged.load(Ordering::SeqCst) < DELIVERIES / 4 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    server.kill();
    assert!(acknowledged.load(Ordering::SeqCst) < DELIVERIES);
    // This is longer than the timeout of the store.
    sleep(Duration::from_millis(1200)).await;
    server.restart();

    let mut unsure: HashMap<String, usize> = HashMap::new();
    let mut rejected = 0;
    let all = timeout(Duration::from_mins(1), join_all(deliveries));
    for delivery in all.await.unwrap() {
        let (id, outcomes) = delivery.unwrap();
        let uncertain =
            |outcome: &&Outcome| matches!(outcome, Outcome::Unsettled | Outcome::Superseded);
        *unsure.entry(id).or_default() += outcomes.iter().filter(uncertain).count();
        rejected += outcomes
            .iter()
            .filter(|outcome| **outcome == Outcome::StoreUnavailable)
            .count();
    }
    assert!(rejected > 0, "the crash was noticed");
    for (id, unsure) in &unsure {
        // An event may be processed again only if its completion failed, or if it outlived its lease.
        let effects = effects.of(id);
        assert!(
            (1..=1 + unsure).contains(&effects),
            "{id}: {effects}, {unsure} unsure"
        );
        let last = deliver_until_acknowledged(&receivers, id).await;
        assert_eq!(last.last(), Some(&Outcome::Replayed), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_postgres_leads_to_503_and_loses_nothing() {
    let server = PostgresServer::start();
    let effects = Effects::default();
    let gate = Arc::new(Semaphore::new(0));
    let store = SqlStore::new(server.pool().await).timeout(Duration::from_millis(500));
    store.migrate().await.unwrap();
    let receiver = receiver(store, Duration::from_secs(5), &effects, Some(&gate));

    let running = tokio::spawn({
        let receiver = receiver.clone();
        async move { deliver(&receiver, "msg_running").await }
    });
    within(async {
        while effects.started.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;

    server.freeze();
    // The pool would wait without end. Without the timeout of the store, this would not end.
    let (status, outcome) = deliver(&receiver, "msg_frozen").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(outcome, Outcome::StoreUnavailable);
    assert_eq!(effects.of("msg_frozen"), 0);
    // The handler's response is sent although it cannot be recorded.
    gate.add_permits(1);
    let (status, outcome) = within(running).await.unwrap();
    assert_eq!((status, outcome), (StatusCode::OK, Outcome::Unsettled));
    assert_eq!(effects.of("msg_running"), 1);

    server.thaw();
    gate.add_permits(1);
    let outcomes = within(deliver_until_acknowledged(
        from_ref(&receiver),
        "msg_frozen",
    ))
    .await;
    assert_eq!(outcomes.last(), Some(&Outcome::Processed));
    assert_eq!(effects.of("msg_frozen"), 1);
}

async fn a_dropped_request_releases_its_event<T: TestDatabase>(database: T) {
    const REQUESTS: usize = 20;

    let effects = Effects::default();
    let gate = Arc::new(Semaphore::new(0));
    let store = SqlStore::new(database.pool()).timeout(Duration::from_secs(20));
    store.migrate().await.unwrap();
    let receiver = receiver(store, LONG_LEASE, &effects, Some(&gate));
    // Some deliveries are dropped while they wait for the database, some in the handler.
    for number in 0..REQUESTS {
        let id = format!("msg_{number}");
        let wait = Duration::from_millis(2 * number as u64);
        let dropped = timeout(wait, deliver(&receiver, &id)).await;
        assert!(dropped.is_err(), "{id}");
    }
    gate.add_permits(REQUESTS);
    for number in 0..REQUESTS {
        let id = format!("msg_{number}");
        let outcomes = within(deliver_until_acknowledged(from_ref(&receiver), &id)).await;
        assert_eq!(outcomes.last(), Some(&Outcome::Processed), "{id}");
        assert_eq!(effects.of(&id), 1);
    }
}

#[test]
fn a_request_that_is_dropped_outside_the_runtime_does_no_harm() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let effects = Effects::default();
    let database = runtime.block_on(OnPostgres::new());
    let store = SqlStore::new(database.pool());
    runtime.block_on(store.migrate()).unwrap();
    let receiver = receiver(store, LONG_LEASE, &effects, Some(&gate));
    let mut request = Box::pin(async move { deliver(&receiver, "msg_1").await });
    runtime.block_on(async {
        let waited = timeout(Duration::from_millis(300), &mut request).await;
        assert!(waited.is_err(), "the handler is stuck");
        assert!(Handle::try_current().is_ok());
    });
    drop(runtime);
    drop(request);
    assert_eq!(effects.of("msg_1"), 0);
}
