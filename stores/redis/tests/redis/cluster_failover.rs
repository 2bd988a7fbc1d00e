//! Receivers that share a Redis Cluster: masters are killed and frozen in the middle of claims, and no event is lost.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tower_svix::idempotency::{ClaimStatus, Outcome, Settlement, Store as _};
use tower_svix_redis::RedisStore;
use tower_svix_tests::net::within;
use tower_svix_tests::receivers::{Effects, deliver, deliver_until_acknowledged, receiver};
use tower_svix_tests::redis_cluster::RedisCluster;
use tower_svix_tests::stores::{RETENTION, completed, fingerprint, key, process, token};

use super::cluster_example::Attentive;
use super::senders::{Event, Senders, tags};

const MASTERS: usize = 3;
/// Short, because a claim ends only with its lease if Redis could not be told of its end.
const LEASE: Duration = Duration::from_secs(3);
/// Longer than any test here takes.
const LONG_LEASE: Duration = Duration::from_secs(600);
const TIMEOUT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn no_event_is_lost_while_masters_of_a_cluster_are_killed_and_frozen() {
    let (killed, frozen) = (0, 1);
    let mut cluster = RedisCluster::start(MASTERS, 1).await;
    let tags = tags(&cluster).await;
    let effects = Effects::default();
    let attentive = Attentive::connect(cluster.urls()).await.unwrap();
    let plain = RedisStore::new(cluster.connect().await, "webhook:");
    let receivers = [
        receiver(
            RedisStore::new(attentive, "webhook:"),
            LEASE,
            &effects,
            None,
        ),
        receiver(
            plain.timeout(Duration::from_millis(500)),
            LEASE,
            &effects,
            None,
        ),
    ];

    // The replicas have these events before the failures begin, so none of them is forgotten.
    let senders = Senders::start("before", &tags, 4, &receivers, &effects);
    senders.wait_for(20).await;
    let before = senders.stop().await;
    cluster.wait_until_replicated().await;

    let senders = Senders::start("while", &tags, 4, &receivers, &effects);
    senders.wait_for(20).await;
    cluster.kill(killed);
    cluster.wait_until_replaced(killed).await;
    senders.wait_for(20).await;
    cluster.restart(killed);
    cluster.wait_until_replica(killed).await;

    cluster.freeze(frozen);
    cluster.wait_until_replaced(frozen).await;
    // One receiver finds the new master. The other does not, and its senders try again.
    senders.wait_for(20).await;
    cluster.thaw(frozen);
    cluster.wait_until_replica(frozen).await;
    senders.wait_for(20).await;
    let during = senders.stop().await;

    assert!(
        during.iter().any(Event::was_rejected),
        "the failures were noticed"
    );
    // On a busy machine, the third master may have been declared dead too.
    let (third, slot) = (2, cluster.slot_of(&tags[2]).await);
    let third_served = cluster.master_of(slot).await == Some(third);
    for event in &during {
        // The masters that failed may have lost changes that no replica had received. The third has lost nothing: its
        // events may be processed again only if their completion failed, or if they outlived their lease.
        let effects = effects.of(&event.id);
        assert!(
            event.master != third || !third_served || effects <= 1 + event.unsure(),
            "{effects}: {event:?}"
        );
    }
    let twice = |event: &&Event| effects.of(&event.id) > 1;
    println!(
        "{} events, {} of them processed more than once",
        during.len(),
        during.iter().filter(twice).count()
    );
    for event in &before {
        let effects = effects.of(&event.id);
        assert!(effects <= 1 + event.unsure(), "{effects}: {event:?}");
        let again = deliver_until_acknowledged(&receivers, &event.id).await;
        assert_eq!(again.last(), Some(&Outcome::Replayed), "{event:?}");
    }
}

/// Whether an event is processed twice depends only on the changes that the replica received before its master died.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_forgets_what_the_replica_was_not_told_and_nothing_else() {
    let mut cluster = RedisCluster::start(MASTERS, 1).await;
    let tag = &tags(&cluster).await[0];
    let (master, replica) = (0, MASTERS);
    let connection = cluster.connect().await;
    let store = RedisStore::new(connection.clone(), "store:").timeout(TIMEOUT);
    let effects = Effects::default();
    let gate = Arc::new(Semaphore::new(0));
    let first = receiver(store.clone(), LONG_LEASE, &effects, Some(&gate));
    let second = receiver(store.clone(), LONG_LEASE, &effects, None);
    let (told, untold) = (format!("{tag}_told"), format!("{tag}_untold"));
    let id = |name: &str| format!("msg_{name}");
    let start = |name: &str| {
        let (first, id) = (first.clone(), id(name));
        tokio::spawn(async move { deliver(&first, &id).await })
    };
    let started = async |count| {
        within(async {
            while effects.started.load(Ordering::SeqCst) < count {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    };

    // One event is completed, and another one is running.
    let done = key(format!("{told}_done"));
    process(&store, &done).await;
    let running_told = start(&told);
    started(1).await;
    cluster.wait_until_replicated().await;
    // The same, after the replica has lost its connection.
    cluster.freeze(replica);
    let () = cluster.tell(master, "CLIENT KILL TYPE replica").await;
    let done_untold = key(format!("{untold}_done"));
    process(&store, &done_untold).await;
    let running_untold = start(&untold);
    started(2).await;
    cluster.kill(master);
    cluster.thaw(replica);
    cluster.wait_until_replaced(master).await;

    let (status, outcome) = deliver(&second, &id(&told)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(matches!(outcome, Outcome::InProgress { .. }), "{outcome:?}");
    let again = async |key| store.claim(key, token(), LONG_LEASE).await.unwrap();
    assert_eq!(again(&done).await, completed());

    // The claim is forgotten while the handler runs: another delivery claims the event and completes it.
    let (status, outcome) = deliver(&second, &id(&untold)).await;
    assert_eq!((status, outcome), (StatusCode::OK, Outcome::Processed));
    assert_eq!(again(&done_untold).await, ClaimStatus::Claimed);

    gate.add_permits(2);
    let (status, outcome) = within(running_told).await.unwrap();
    assert_eq!((status, outcome), (StatusCode::OK, Outcome::Processed));
    let (status, outcome) = within(running_untold).await.unwrap();
    assert_eq!((status, outcome), (StatusCode::OK, Outcome::Superseded));
    assert_eq!((effects.of(&id(&told)), effects.of(&id(&untold))), (1, 2));
    for name in [&told, &untold] {
        let (status, outcome) = deliver(&second, &id(name)).await;
        assert_eq!((status, outcome), (StatusCode::OK, Outcome::Replayed));
    }
}

/// Redis sends its replicas the time at which a key expires, not its remaining time to live.
///
/// Moving that time by ten minutes has the same effect as moving the clock of the replica by ten minutes.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_ends_by_the_clock_of_the_server_that_took_over() {
    const MINUTE: i64 = 60_000;
    let cluster = RedisCluster::start(1, 1).await;
    let (master, replica) = (0, 1);
    let store = RedisStore::new(cluster.connect().await, "webhook:").timeout(TIMEOUT);
    let lease = Duration::from_secs(5 * 60);
    let names = ["ahead", "equal", "behind"];
    let mut tokens = Vec::new();
    for name in names {
        let token = token();
        let claim = store.claim(&key(name), token, lease).await.unwrap();
        assert_eq!(claim, ClaimStatus::Claimed);
        tokens.push(token);
    }
    cluster.wait_until_replicated().await;
    let mut ends = Vec::new();
    for name in names {
        let question = format!("PEXPIRETIME webhook::msg_{name}:8");
        let end: i64 = cluster.tell(master, &question).await;
        let of_replica: i64 = cluster.tell_replica(replica, &question).await;
        assert_eq!(end, of_replica, "{name}");
        ends.push(end);
    }
    cluster.take_over(replica).await;
    cluster.wait_until_replica(master).await;
    for (name, end, skew) in [("ahead", ends[0], -10), ("behind", ends[2], 10)] {
        let seen = end + skew * MINUTE;
        let () = cluster
            .tell(replica, &format!("PEXPIREAT webhook::msg_{name}:8 {seen}"))
            .await;
    }

    let claim = async |name: &str| store.claim(&key(name), token(), lease).await.unwrap();
    // The clock is ten minutes ahead: the lease is over, and a second delivery is processed beside the first.
    assert_eq!(claim("ahead").await, ClaimStatus::Claimed);
    let late = store
        .complete(&key("ahead"), tokens[0], fingerprint(), RETENTION)
        .await;
    assert_eq!(late.unwrap(), Settlement::Superseded);
    // The clock is ten minutes behind: if the receiver has died, the event waits ten minutes longer.
    for (name, at_most) in [
        ("equal", lease),
        ("behind", lease + Duration::from_secs(600)),
    ] {
        let ClaimStatus::InProgress { expires_in } = claim(name).await else {
            panic!("{name} is running")
        };
        let at_least = at_most.saturating_sub(TIMEOUT);
        assert!(
            (at_least..=at_most).contains(&expires_in),
            "{name}: {expires_in:?}"
        );
    }
    let on_time = store
        .complete(&key("behind"), tokens[2], fingerprint(), RETENTION)
        .await;
    assert_eq!(on_time.unwrap(), Settlement::Done);
}
