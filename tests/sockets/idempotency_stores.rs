//! The stores keep the contract, and stay within their bounds.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use redis::AsyncCommands as _;
use tower_svix::idempotency::{
    ClaimStatus, ClaimToken, EventKey, MemoryStore, Settlement, Store, StoreError,
};
use tower_svix::test_util::conformance;
use tower_svix_redis::RedisStore;
use tower_svix_tests::redis_server::RedisServer;
use tower_svix_tests::stores::ManualTime;

const LEASE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(3600);

fn key(id: impl fmt::Display) -> EventKey {
    EventKey::new(None, &format!("msg_{id}"))
}

fn token() -> ClaimToken {
    ClaimToken::random().unwrap()
}

async fn process(store: &impl Store, key: &EventKey) {
    let token = token();
    let claim = store.claim(key, token, LEASE).await.unwrap();
    assert_eq!(claim, ClaimStatus::Claimed, "{key}");
    let completed = store.complete(key, token, RETENTION).await.unwrap();
    assert_eq!(completed, Settlement::Done, "{key}");
}

#[tokio::test]
async fn the_memory_store_conforms() {
    let time = ManualTime::default();
    let store = MemoryStore::new().clock(time.clone());
    conformance::check(&store, async |duration| time.pass(duration)).await;
    // With the system's clock too, and shared.
    conformance::check(&Arc::new(MemoryStore::new()), async |duration| {
        tokio::time::sleep(duration).await;
    })
    .await;
}

#[tokio::test]
async fn the_redis_store_conforms_over_any_connection() {
    let server = RedisServer::start();
    let sleep = async |duration| tokio::time::sleep(duration).await;
    let client = redis::Client::open(server.url()).unwrap();

    let store = RedisStore::new(server.connect().await, "webhook:");
    conformance::check(&store, sleep).await;

    let multiplexed = client.get_multiplexed_async_connection().await.unwrap();
    let store = RedisStore::new(multiplexed, "another:");
    conformance::check(&store, sleep).await;

    let cluster = RedisServer::with_options(&["--cluster-enabled", "yes"]);
    let mut node = cluster.connect().await;
    let assigned: redis::RedisResult<()> = redis::cmd("CLUSTER")
        .arg(&["ADDSLOTSRANGE", "0", "16383"])
        .query_async(&mut node)
        .await;
    assigned.unwrap();
    loop {
        let info: String = redis::cmd("CLUSTER")
            .arg("INFO")
            .query_async(&mut node)
            .await
            .unwrap();
        if info.contains("cluster_state:ok") {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    let client = redis::cluster::ClusterClient::new([cluster.url()]).unwrap();
    let store = RedisStore::new(client.get_async_connection().await.unwrap(), "webhook:");
    conformance::check(&store, sleep).await;
}

#[tokio::test]
async fn no_key_in_redis_is_without_an_expiry() {
    let server = RedisServer::start();
    let mut connection = server.connect().await;
    let store = RedisStore::new(connection.clone(), "mine:");
    let (claimed, completed, late) = (key("claimed"), key("completed"), key("late"));
    store.claim(&claimed, token(), LEASE).await.unwrap();
    process(&store, &completed).await;
    store.complete(&late, token(), Duration::MAX).await.unwrap();
    store
        .claim(&key("at once"), token(), Duration::ZERO)
        .await
        .unwrap();

    let mut expected = vec!["mine::msg_claimed", "mine::msg_completed", "mine::msg_late"];
    for key in &expected {
        let expiry: i64 = connection.pttl(key).await.unwrap();
        assert!(expiry > 0, "{key}: {expiry}");
    }
    // For ever is a hundred years.
    let expiry: u64 = connection.pttl("mine::msg_late").await.unwrap();
    let years = Duration::from_millis(expiry).as_secs_f64() / (365.0 * 86_400.0);
    assert!((99.9..=100.0).contains(&years), "{years} years");
    let mut keys: Vec<String> = connection.keys("*").await.unwrap();
    keys.retain(|key| !key.ends_with("at once"));
    keys.sort();
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn an_operation_is_one_command_even_after_redis_forgot_its_scripts() {
    let server = RedisServer::start();
    let mut connection = server.connect().await;
    let store = RedisStore::new(connection.clone(), "webhook:");
    let calls = async |connection: &mut redis::aio::ConnectionManager| -> String {
        let stats: String = redis::cmd("INFO")
            .arg("commandstats")
            .query_async(connection)
            .await
            .unwrap();
        let eval = stats.lines().find(|line| line.starts_with("cmdstat_eval"));
        eval.map(|line| line.split(',').next().unwrap().to_owned())
            .unwrap_or_default()
    };
    for _ in 0..2 {
        let () = redis::cmd("CONFIG")
            .arg("RESETSTAT")
            .query_async(&mut connection)
            .await
            .unwrap();
        let () = redis::cmd("SCRIPT")
            .arg("FLUSH")
            .query_async(&mut connection)
            .await
            .unwrap();
        let (key, token) = (key(token()), token());
        store.claim(&key, token, LEASE).await.unwrap();
        store.release(&key, token).await.unwrap();
        store.claim(&key, token, LEASE).await.unwrap();
        store.complete(&key, token, RETENTION).await.unwrap();
        assert_eq!(calls(&mut connection).await, "cmdstat_eval:calls=4");
    }
}

#[tokio::test]
async fn a_key_of_somebody_else_is_an_error_and_stays() {
    let server = RedisServer::start();
    let mut connection = server.connect().await;
    let store = RedisStore::new(connection.clone(), "theirs");
    let key = key(1);
    for theirs in ["", "hello", "completed", "running", "x0123456789abcdef"] {
        let () = connection.set("theirs:msg_1", theirs).await.unwrap();
        store.claim(&key, token(), LEASE).await.unwrap_err();
        let completed = store.complete(&key, token(), RETENTION).await.unwrap();
        assert_eq!(completed, Settlement::Superseded);
        let released = store.release(&key, token()).await.unwrap();
        assert_eq!(released, Settlement::Superseded);
        let value: String = connection.get("theirs:msg_1").await.unwrap();
        assert_eq!(value, theirs);
    }
}

/// Svix sends a message under one id to every endpoint.
#[tokio::test]
async fn receivers_with_a_prefix_each_share_no_ids() {
    let server = RedisServer::start();
    let connection = server.connect().await;
    for prefix in ["billing:", "mail:"] {
        let store = RedisStore::new(connection.clone(), prefix);
        let claim = store.claim(&key(1), token(), LEASE).await.unwrap();
        assert_eq!(claim, ClaimStatus::Claimed, "{prefix}");
    }
}

#[tokio::test]
async fn a_full_redis_refuses_and_forgets_nothing() {
    let server = RedisServer::start();
    let mut connection = server.connect().await;
    let store = RedisStore::new(connection.clone(), "webhook:");
    process(&store, &key("before")).await;
    let () = redis::cmd("CONFIG")
        .arg(&["SET", "maxmemory", "1"])
        .query_async(&mut connection)
        .await
        .unwrap();
    store
        .claim(&key("while"), token(), LEASE)
        .await
        .unwrap_err();
    let () = redis::cmd("CONFIG")
        .arg(&["SET", "maxmemory", "0"])
        .query_async(&mut connection)
        .await
        .unwrap();
    let claim = store.claim(&key("before"), token(), LEASE).await.unwrap();
    assert_eq!(claim, ClaimStatus::Completed);
    process(&store, &key("while")).await;
}

#[tokio::test]
async fn a_full_memory_store_forgets_what_would_expire_first() {
    let time = ManualTime::default();
    let store = MemoryStore::with_capacity(3).clock(time.clone());
    for id in 0..4 {
        process(&store, &key(id)).await;
        time.pass(Duration::from_secs(1));
    }
    assert_eq!((store.len(), store.evicted()), (3, 1));
    for id in 1..4 {
        let claim = store.claim(&key(id), token(), LEASE).await.unwrap();
        assert_eq!(claim, ClaimStatus::Completed, "{id}");
    }
    process(&store, &key(0)).await;
    assert_eq!((store.len(), store.evicted()), (3, 2));
}

/// The parts that it consists of have room for as many, together.
#[tokio::test]
async fn a_memory_store_has_room_for_as_many_as_it_is_asked_for() {
    let capacity = 3 * 4096 + 2;
    let store = MemoryStore::with_capacity(capacity);
    assert!(store.is_empty());
    process(&store, &key(0)).await;
    assert!(!store.is_empty());
    for id in 1..3 * capacity {
        process(&store, &key(id)).await;
    }
    assert_eq!(store.len(), capacity);
    assert_eq!(store.evicted(), 2 * capacity as u64);
}

/// Whoever knew could choose ids that all end up in one part, and so fill it.
#[tokio::test]
async fn nobody_knows_which_part_of_a_memory_store_an_id_is_in() {
    let capacity = 4 * 4096;
    let mut found_room = Vec::new();
    for _ in 0..2 {
        let store = MemoryStore::with_capacity(capacity);
        let mut has_room = Vec::new();
        for id in 0..capacity {
            has_room.push(store.claim(&key(id), token(), LEASE).await.is_ok());
        }
        found_room.push(has_room);
    }
    assert!(found_room[0] != found_room[1], "they are in the same parts");
}

#[tokio::test]
async fn a_running_claim_is_never_forgotten() {
    let time = ManualTime::default();
    let store = MemoryStore::with_capacity(2).clock(time.clone());
    let first = token();
    store.claim(&key("a"), first, LEASE).await.unwrap();
    for id in 0..100 {
        process(&store, &key(id)).await;
    }
    let claim = store.claim(&key("a"), token(), LEASE).await.unwrap();
    assert!(matches!(claim, ClaimStatus::InProgress { .. }), "{claim:?}");

    store.claim(&key("b"), token(), LEASE).await.unwrap();
    let refused = store.claim(&key("c"), token(), LEASE).await;
    assert!(refused.unwrap_err().to_string().contains("full"));
    let refused = store.complete(&key("c"), token(), RETENTION).await;
    refused.unwrap_err();
    // What is there already can be settled, and makes room.
    store.complete(&key("a"), first, RETENTION).await.unwrap();
    process(&store, &key("c")).await;
    store.claim(&key("d"), token(), LEASE).await.unwrap();
    store.claim(&key("e"), token(), LEASE).await.unwrap_err();
    // Or their leases pass.
    time.pass(LEASE);
    process(&store, &key("e")).await;
}

#[tokio::test]
async fn expired_ids_leave_the_memory_store_of_themselves() {
    let time = ManualTime::default();
    let store = MemoryStore::with_capacity(4096).clock(time.clone());
    for id in 0..1000 {
        process(&store, &key(id)).await;
        store
            .claim(&key(format!("abandoned {id}")), token(), LEASE)
            .await
            .unwrap();
    }
    assert_eq!(store.len(), 2000);
    time.pass(RETENTION);
    for id in 1000..2000 {
        process(&store, &key(id)).await;
    }
    assert_eq!((store.len(), store.evicted()), (1000, 0));
}

#[tokio::test]
async fn every_lease_ends_on_time_though_few_are_removed_at_once() {
    let time = ManualTime::default();
    let store = MemoryStore::new().clock(time.clone());
    for id in 0..10_000 {
        store.claim(&key(id), token(), LEASE).await.unwrap();
    }
    time.pass(LEASE);
    for id in (0..10_000).rev() {
        let claim = store.claim(&key(id), token(), LEASE).await.unwrap();
        assert_eq!(claim, ClaimStatus::Claimed, "{id}");
    }
}

#[tokio::test]
async fn an_expired_id_makes_room_before_any_other() {
    let time = ManualTime::default();
    let store = MemoryStore::with_capacity(2).clock(time.clone());
    let long = token();
    store.claim(&key("long"), long, LEASE).await.unwrap();
    store
        .complete(&key("long"), long, 2 * RETENTION)
        .await
        .unwrap();
    process(&store, &key("short")).await;
    time.pass(RETENTION);
    process(&store, &key("new")).await;
    assert_eq!(store.evicted(), 0);
    let claim = store.claim(&key("long"), token(), LEASE).await.unwrap();
    assert_eq!(claim, ClaimStatus::Completed);
}

#[tokio::test]
async fn the_memory_store_holds_no_more_than_its_capacity() {
    for capacity in [0, 1, 5, 4096, 10_000] {
        let store = MemoryStore::with_capacity(capacity);
        let mut refused = 0;
        for id in 0..=2 * capacity {
            let claim = store.claim(&key(id), token(), LEASE).await;
            refused += usize::from(claim.is_err());
            assert!(store.len() <= capacity, "{capacity}");
        }
        assert_eq!(store.len(), capacity, "all of its parts are full by now");
        assert_eq!(refused, capacity + 1);
    }
}

#[test]
fn threads_that_race_for_the_same_ids_win_each_once() {
    const IDS: usize = 2000;
    let store = MemoryStore::new();
    let won = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    for id in 0..IDS {
                        let (key, token) = (key(id), token());
                        if store.claim(&key, token, LEASE).await.unwrap() == ClaimStatus::Claimed {
                            won.fetch_add(1, Ordering::SeqCst);
                            store.complete(&key, token, RETENTION).await.unwrap();
                        }
                    }
                });
            });
        }
    });
    assert_eq!(won.into_inner(), IDS);
    assert_eq!(store.len(), IDS);
}

#[test]
fn keys_and_tokens_are_shown_as_what_they_are() {
    let key = EventKey::new(Some("acme"), "msg_1");
    assert_eq!(key.to_string(), "4:acme:msg_1");
    assert_eq!(format!("{key:?}"), r#"EventKey("4:acme:msg_1")"#);

    let mut bytes = [0; 16];
    bytes[15] = 0xa5;
    let token = ClaimToken::from_bytes(bytes);
    assert_eq!(token.to_string(), "000000000000000000000000000000a5");
    assert_eq!(
        format!("{token:?}"),
        "ClaimToken(000000000000000000000000000000a5)"
    );
}

#[test]
fn an_error_of_a_store_tells_its_cause_and_what_led_to_that() {
    #[derive(Debug)]
    struct Caused(io::Error);

    impl fmt::Display for Caused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the engine broke")
        }
    }

    impl Error for Caused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    let error = StoreError::new(Caused(io::Error::other("the disk is full")));
    assert_eq!(
        error.to_string(),
        "the idempotency store failed: the engine broke"
    );
    let source = error.source().unwrap();
    assert_eq!(source.to_string(), "the disk is full");
}
