//! The store in Redis keeps the contract of `Store`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use redis::AsyncCommands as _;
use tower_svix::idempotency::{ClaimStatus, Settlement, Store};
use tower_svix::test_util::conformance;
use tower_svix_redis::RedisStore;
use tower_svix_tests::redis_server::RedisServer;
use tower_svix_tests::stores::{LEASE, RETENTION, completed, fingerprint, key, process, token};

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
    store
        .complete(&late, token(), fingerprint(), Duration::MAX)
        .await
        .unwrap();
    store
        .claim(&key("at once"), token(), Duration::ZERO)
        .await
        .unwrap();

    let mut expected = vec![
        "mine::msg_claimed:5",
        "mine::msg_completed:5",
        "mine::msg_late:5",
    ];
    for key in &expected {
        let expiry: i64 = connection.pttl(key).await.unwrap();
        assert!(expiry > 0, "{key}: {expiry}");
    }
    // The longest retention is a hundred years.
    let expiry: u64 = connection.pttl("mine::msg_late:5").await.unwrap();
    let years = Duration::from_millis(expiry).as_secs_f64() / (365.0 * 86_400.0);
    assert!((99.9..=100.0).contains(&years), "{years} years");
    let mut keys: Vec<String> = connection.keys("*").await.unwrap();
    keys.retain(|key| !key.ends_with("at once:5"));
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
        store
            .complete(&key, token, fingerprint(), RETENTION)
            .await
            .unwrap();
        assert_eq!(calls(&mut connection).await, "cmdstat_eval:calls=4");
    }
}

#[tokio::test]
async fn a_key_of_somebody_else_is_an_error_and_stays() {
    let server = RedisServer::start();
    let mut connection = server.connect().await;
    let store = RedisStore::new(connection.clone(), "theirs");
    let key = key(1);
    for theirs in [
        "",
        "hello",
        "completed",
        "running",
        "x0123456789abcdef",
        "c0123456789abcdef",
        "r0123456789abcdef0123456789abcdef",
    ] {
        let () = connection.set("theirs:msg_1:6", theirs).await.unwrap();
        store.claim(&key, token(), LEASE).await.unwrap_err();
        let completed = store
            .complete(&key, token(), fingerprint(), RETENTION)
            .await
            .unwrap();
        assert_eq!(completed, Settlement::Superseded);
        let released = store.release(&key, token()).await.unwrap();
        assert_eq!(released, Settlement::Superseded);
        store.forget(&key).await.unwrap_err();
        let value: String = connection.get("theirs:msg_1:6").await.unwrap();
        assert_eq!(value, theirs);
    }
}

/// Svix sends an event under one id to every endpoint.
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
async fn a_full_redis_rejects_and_forgets_nothing() {
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
    assert_eq!(claim, completed());
    process(&store, &key("while")).await;
}

#[test]
fn debug_shows_no_connection() {
    // The `Debug` of a connection may show a password, so that of the store omits it.
    let store = RedisStore::new("redis://:correct-horse@localhost/", "webhook:");
    let shown = format!("{store:?}");
    assert_eq!(
        shown,
        "RedisStore { prefix: \"webhook:\", timeout: 2s, .. }"
    );
}
