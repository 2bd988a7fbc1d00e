//! Receivers that share a Redis: it is killed, restarted and frozen, and no event is lost.
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
use tower_svix_redis::RedisStore;
use tower_svix_tests::net::{TIMEOUT, within};
use tower_svix_tests::receivers::{self, Effects, Receiver, deliver, deliver_until_acknowledged};
use tower_svix_tests::redis_server::RedisServer;

const IDS: usize = 50;
const DELIVERIES: usize = 1000;
/// Longer than any test here takes.
const LONG_LEASE: Duration = Duration::from_secs(600);

/// Returns a receiver with its own connection.
async fn receiver(
    server: &RedisServer,
    lease: Duration,
    effects: &Effects,
    gate: Option<&Arc<Semaphore>>,
) -> Receiver {
    let store =
        RedisStore::new(server.connect().await, "webhook:").timeout(Duration::from_millis(500));
    receivers::receiver(store, lease, effects, gate)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_receivers_process_each_event_once() {
    let server = RedisServer::start();
    let effects = Effects::default();
    // Redis is available. The timeout is so long that no operation fails, however busy the machine is.
    let receiver = async || {
        let store = RedisStore::new(server.connect().await, "webhook:");
        receivers::receiver(store.timeout(TIMEOUT), LONG_LEASE, &effects, None)
    };
    let receivers = [receiver().await, receiver().await];
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
async fn nothing_is_lost_while_redis_is_killed_and_restarted() {
    for (name, mut server) in [
        ("durable", RedisServer::durable()),
        ("forgetful", RedisServer::start()),
    ] {
        let effects = Effects::default();
        // Short, because a claim ends only with its lease if Redis could not be told of its end.
        let lease = Duration::from_secs(2);
        let receivers = [
            receiver(&server, lease, &effects, None).await,
            receiver(&server, lease, &effects, None).await,
        ];
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let deliveries: Vec<_> = (0..DELIVERIES)
            .map(|number| {
                let (receivers, effects) = (receivers.clone(), effects.clone());
                let acknowledged = Arc::clone(&acknowledged);
                tokio::spawn(async move {
                    // The deliveries start over some two seconds, so that the crash comes in the middle.
                    sleep(Duration::from_millis(2 * number as u64)).await;
                    let id = format!("msg_{}", number % IDS);
                    // Some of the ids appear only after the crash.
                    let id = format!("{id}_{}", number / (DELIVERIES / 4));
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
        assert!(acknowledged.load(Ordering::SeqCst) < DELIVERIES, "{name}");
        sleep(Duration::from_millis(300)).await;
        server.restart();

        let mut unsure: HashMap<String, usize> = HashMap::new();
        let mut rejected = 0;
        for delivery in timeout(Duration::from_secs(60), join_all(deliveries))
            .await
            .unwrap()
        {
            let (id, outcomes) = delivery.unwrap();
            let uncertain =
                |outcome: &&Outcome| matches!(outcome, Outcome::Unsettled | Outcome::Superseded);
            *unsure.entry(id).or_default() += outcomes.iter().filter(uncertain).count();
            rejected += outcomes
                .iter()
                .filter(|outcome| **outcome == Outcome::StoreUnavailable)
                .count();
        }
        assert!(rejected > 0, "{name}: the crash was noticed");
        for (id, unsure) in &unsure {
            let effects = effects.of(id);
            assert!(effects >= 1, "{name}: {id} is lost");
            if name == "durable" {
                // An event may be processed again only if its completion failed, or if it outlived its lease.
                assert!(
                    effects <= 1 + unsure,
                    "{name}: {id}: {effects}, {unsure} unsure"
                );
            }
            let last = deliver_until_acknowledged(&receivers, id).await;
            if name == "durable" {
                assert_eq!(last.last(), Some(&Outcome::Replayed), "{id}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_redis_leads_to_503_and_loses_nothing() {
    let server = RedisServer::start();
    let effects = Effects::default();
    let gate = Arc::new(Semaphore::new(0));
    let receiver = receiver(&server, LONG_LEASE, &effects, Some(&gate)).await;

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
    // The connection has no timeout. Without the timeout of the store, this would never end.
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
    // Redis now runs the commands that arrived while it was frozen: claims that nobody waits for any more, their
    // releases, and the completion. Therefore neither event has to wait for the lease.
    let outcomes = within(deliver_until_acknowledged(
        from_ref(&receiver),
        "msg_frozen",
    ))
    .await;
    assert_eq!(outcomes.last(), Some(&Outcome::Processed));
    let (_, outcome) = deliver(&receiver, "msg_running").await;
    assert_eq!(outcome, Outcome::Replayed);
    assert_eq!(
        (effects.of("msg_frozen"), effects.of("msg_running")),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_request_releases_its_event_and_leaves_no_task() {
    let server = RedisServer::start();
    let effects = Effects::default();
    let gate = Arc::new(Semaphore::new(0));
    let receiver = receiver(&server, LONG_LEASE, &effects, Some(&gate)).await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();

    // Some deliveries are dropped while they wait for Redis, some in the handler.
    for milliseconds in 0..40 {
        let id = format!("msg_{milliseconds}");
        let wait = Duration::from_millis(milliseconds);
        let dropped = timeout(wait, deliver(&receiver, &id)).await;
        assert!(dropped.is_err(), "{id}");
    }
    gate.add_permits(40);
    for number in 0..40 {
        let id = format!("msg_{number}");
        let outcomes = within(deliver_until_acknowledged(from_ref(&receiver), &id)).await;
        assert_eq!(outcomes.last(), Some(&Outcome::Processed), "{id}");
        assert_eq!(effects.of(&id), 1);
    }
    within(async {
        while tasks() > before {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[test]
fn a_request_that_is_dropped_outside_the_runtime_does_no_harm() {
    let server = RedisServer::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let gate = Arc::new(Semaphore::new(0));
    let effects = Effects::default();
    let receiver = runtime.block_on(receiver(&server, LONG_LEASE, &effects, Some(&gate)));
    let mut request = Box::pin(async move { deliver(&receiver, "msg_1").await });
    runtime.block_on(async {
        let waited = timeout(Duration::from_millis(200), &mut request).await;
        assert!(waited.is_err(), "the handler is stuck");
    });
    drop(runtime);
    drop(request);
    assert_eq!(effects.of("msg_1"), 0);
}
