//! A slot of a Redis Cluster moves to another master in the middle of claims, and no event is lost.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tower_svix::idempotency::Outcome;
use tower_svix_redis::RedisStore;
use tower_svix_tests::net::within;
use tower_svix_tests::receivers::{self, Effects, Receiver, deliver};
use tower_svix_tests::redis_cluster::RedisCluster;

use super::senders::{Senders, tags};

const SOURCE: usize = 0;
const TARGET: usize = 1;
/// Longer than any test here takes.
const LONG_LEASE: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_moves_in_the_middle_of_claims_and_each_event_is_processed_once() {
    let cluster = RedisCluster::start(2, 0).await;
    let tag = &tags(&cluster).await[SOURCE];
    let effects = Effects::default();

    let gate = Arc::new(Semaphore::new(0));
    let gated = receiver(&cluster, LONG_LEASE, &effects, Some(&gate)).await;
    let id = format!("msg_{tag}_running");
    let running = tokio::spawn({
        let id = id.clone();
        async move { deliver(&gated, &id).await }
    });
    within(async {
        while effects.started.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    // Each sender has its own connection. The next test shows why.
    let mut senders = Vec::new();
    for name in ["one", "other"] {
        let receiver = receiver(&cluster, LONG_LEASE, &effects, None).await;
        senders.push(Senders::start(
            name,
            from_ref(tag),
            1,
            &[receiver],
            &effects,
        ));
    }
    let another = receiver(&cluster, LONG_LEASE, &effects, None).await;

    move_slot(&cluster, tag, async || {
        for senders in &senders {
            senders.wait_for(20).await;
        }
        let (status, outcome) = deliver(&another, &id).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(matches!(outcome, Outcome::InProgress { .. }), "{outcome:?}");
    })
    .await;

    gate.add_permits(1);
    let (status, outcome) = within(running).await.unwrap();
    assert_eq!((status, outcome), (StatusCode::OK, Outcome::Processed));
    assert_eq!(deliver(&another, &id).await.1, Outcome::Replayed);
    assert_eq!(effects.of(&id), 1);
    for senders in senders {
        for event in senders.stop().await {
            let expected = [Outcome::Processed, Outcome::Replayed];
            assert_eq!(event.outcomes, expected, "{event:?}");
            assert_eq!(effects.of(&event.id), 1, "{event:?}");
        }
    }
}

/// When the driver follows `ASK`, it sends `ASKING` and then the command. Another command of the same connection may
/// come between the two. Each node then redirects the command to the other node, until the driver gives up.
#[tokio::test(flavor = "multi_thread")]
async fn no_event_is_lost_if_the_driver_does_not_find_a_slot_that_moves() {
    let cluster = RedisCluster::start(2, 0).await;
    let tag = &tags(&cluster).await[SOURCE];
    let effects = Effects::default();
    // Short, because a claim ends only with its lease if Redis could not be told of its end.
    let lease = Duration::from_secs(3);
    let receivers = [
        receiver(&cluster, lease, &effects, None).await,
        receiver(&cluster, lease, &effects, None).await,
    ];
    let senders = Senders::start("shared", from_ref(tag), 8, &receivers, &effects);
    move_slot(&cluster, tag, async || senders.wait_for(40).await).await;
    for event in senders.stop().await {
        let effects = effects.of(&event.id);
        assert!(effects <= 1 + event.unsure(), "{effects}: {event:?}");
    }
}

/// Returns a receiver with its own connection.
async fn receiver(
    cluster: &RedisCluster,
    lease: Duration,
    effects: &Effects,
    gate: Option<&Arc<Semaphore>>,
) -> Receiver {
    let store = RedisStore::new(cluster.connect().await, "webhook:").timeout(LONG_LEASE);
    receivers::receiver(store, lease, effects, gate)
}

/// Moves the slot of a hash tag as `redis-cli` does, and waits for `progress` at each step.
async fn move_slot(cluster: &RedisCluster, tag: &str, progress: impl AsyncFn()) {
    let slot = cluster.slot_of(tag).await;
    let (from, to) = (cluster.id(SOURCE), cluster.id(TARGET));
    let set_slot = |change| format!("CLUSTER SETSLOT {slot} {change}");
    progress().await;

    // The source still serves the keys of this slot that it has. For other keys, it redirects to the target: `ASK`.
    let importing = set_slot(format!("IMPORTING {from}"));
    let () = cluster.tell(TARGET, &importing).await;
    let migrating = set_slot(format!("MIGRATING {to}"));
    let () = cluster.tell(SOURCE, &migrating).await;
    progress().await;
    assert!(cluster.errors(SOURCE, "ASK").await > 0);

    loop {
        let ask = format!("CLUSTER GETKEYSINSLOT {slot} 1");
        let keys: Vec<String> = cluster.tell(SOURCE, &ask).await;
        let Some(key) = keys.first() else { break };
        let port = cluster.port(TARGET);
        let migrate = format!("MIGRATE 127.0.0.1 {port} {key} 0 60000");
        let () = cluster.tell(SOURCE, &migrate).await;
    }
    progress().await;

    // From here on, the source redirects every command to the target: `MOVED`.
    let moved = set_slot(format!("NODE {to}"));
    for node in [TARGET, SOURCE] {
        let () = cluster.tell(node, &moved).await;
    }
    progress().await;
    assert!(cluster.errors(SOURCE, "MOVED").await > 0);
}
