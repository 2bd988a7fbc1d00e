//! The Redis that remembers events.

use redis::aio::ConnectionManager;
use tower_svix_redis::RedisStore;

/// Errors do not repeat the URL, which may hold a password.
pub(crate) async fn redis(url: &str) -> Result<RedisStore<ConnectionManager>, String> {
    let client = redis::Client::open(url).map_err(|error| format!("REDIS_URL: {error}"))?;
    // It connects again by itself when the connection broke.
    let connection = client
        .get_connection_manager()
        .await
        .map_err(|error| format!("cannot connect to REDIS_URL: {error}"))?;
    // The prefix is of this receiver alone: two that share it would share the events.
    Ok(RedisStore::new(connection, "webhook:"))
}
