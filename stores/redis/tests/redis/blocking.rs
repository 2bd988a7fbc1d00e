//! The fixture of a property test, which is not an async function.

use redis::aio::ConnectionManager;
use tokio::runtime::{Builder, Runtime};
use tower_svix_tests::redis_server::RedisServer;

/// Returns a runtime, a connection, and its server, which ends when it is dropped.
pub(crate) fn start() -> (Runtime, ConnectionManager, RedisServer) {
    let server = RedisServer::start();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let connection = runtime.block_on(server.connect());
    (runtime, connection, server)
}
