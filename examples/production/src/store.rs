//! The Redis that remembers events.

use std::io::{self, Write as _};

use redis::aio::ConnectionManager;
use tower_svix_redis::RedisStore;

/// Errors do not repeat the URL, which may hold a password.
pub(crate) async fn redis(url: &str) -> Result<RedisStore<ConnectionManager>, String> {
    let client = redis::Client::open(url).map_err(|error| format!("REDIS_URL: {error}"))?;
    // The driver tries for some ten seconds before it gives up, and says nothing meanwhile.
    let _ = writeln!(io::stderr(), "connecting to REDIS_URL");
    // Once connected, it reconnects by itself.
    let connection = client
        .get_connection_manager()
        .await
        .map_err(|error| format!("cannot connect to REDIS_URL: {error}"))?;
    // Receivers that shared a prefix would share their ids.
    Ok(RedisStore::new(connection, "webhook:"))
}
