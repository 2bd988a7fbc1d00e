//! What a property needs, which is no async function: a server, a connection to it, and a runtime.

use redis::aio::ConnectionManager;
use tokio::runtime::{Builder, Runtime};
use tower_svix_tests::redis_server::RedisServer;

/// The connection ends before its server does, which is dropped last.
pub(crate) fn start() -> (Runtime, ConnectionManager, RedisServer) {
    let server = RedisServer::start();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let connection = runtime.block_on(server.connect());
    (runtime, connection, server)
}
