//! The store in Redis behaves like the simplest store of ids.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use proptest::prelude::*;
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use tower_svix_redis::RedisStore;
use tower_svix_tests::store_model::{compare, steps};

use super::blocking;

/// Lets time pass in Redis. Its clock cannot be set, so this shortens the time to live of each key.
async fn age(connection: &ConnectionManager, time: Duration) {
    let mut connection = connection.clone();
    let keys: Vec<String> = connection.keys("*").await.unwrap();
    for key in keys {
        let left: i64 = connection.pttl(&key).await.unwrap();
        assert!(left > 0, "{key} has no expiry");
        let left = left - i64::try_from(time.as_millis()).unwrap();
        // Redis deletes a key whose time to live is not positive.
        let () = connection.pexpire(&key, left).await.unwrap();
    }
}

#[test]
fn the_redis_store_does_what_the_model_does() {
    let (runtime, connection, _server) = blocking::start();
    let store = RedisStore::new(connection.clone(), "webhook:").timeout(Duration::from_secs(30));
    proptest!(ProptestConfig::with_cases(200), |(steps in steps())| {
        runtime.block_on(async {
            let () = redis::cmd("FLUSHALL").query_async(&mut connection.clone()).await.unwrap();
            compare(&store, &steps, async |duration| age(&connection, duration).await).await
        })?;
    });
}
