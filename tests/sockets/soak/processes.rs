//! The processes: the receivers and their stores.

use std::path::Path;
use std::process::Command;

use tower_svix_tests::net;
use tower_svix_tests::postgres_server::PostgresServer;
use tower_svix_tests::process;
use tower_svix_tests::redis_server::RedisServer;

use super::receiver::Receiver;

pub(crate) const RECEIVERS: usize = 3;

/// The store of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// It remembers which events were processed. If it is killed, it may forget some.
    Redis,
    /// It has the events until they are processed. It forgets one only in a power cut.
    Postgres,
}

pub(crate) struct Processes {
    pub(crate) stores: Stores,
    pub(crate) receivers: [Receiver; RECEIVERS],
}

impl Processes {
    /// `file` is that of a new database.
    pub(crate) fn start(file: &Path) -> Self {
        let stores = Stores {
            redis: RedisServer::durable_each_second(),
            postgres: PostgresServer::start(),
        };
        let receivers = [
            example(&stores.redis),
            with_database(&stores.redis, file),
            with_inbox(&stores.postgres),
        ];
        Self { stores, receivers }
    }
}

/// They stop at the same time, which takes half as long: no receiver uses both.
pub(crate) struct Stores {
    redis: RedisServer,
    pub(crate) postgres: PostgresServer,
}

impl Stores {
    /// Tells both to exit.
    pub(crate) fn stop(&mut self) {
        self.redis.stop();
        self.postgres.stop();
    }

    pub(crate) fn kill(&mut self) {
        self.redis.kill();
        self.postgres.kill();
    }

    pub(crate) fn restart(&mut self) {
        self.redis.restart();
        self.postgres.restart();
    }

    pub(crate) fn freeze(&self) {
        self.redis.freeze();
        self.postgres.freeze();
    }

    pub(crate) fn thaw(&self) {
        self.redis.thaw();
        self.postgres.thaw();
    }
}

fn example(redis: &RedisServer) -> Receiver {
    let mut command = process::program("production");
    command
        .env("WEBHOOK_SECRET", net::SECRET)
        .env("REDIS_URL", redis.url());
    Receiver::start("examples/production", Store::Redis, None, command)
}

fn with_database(redis: &RedisServer, file: &Path) -> Receiver {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soak_receiver"));
    command.env("REDIS_URL", redis.url()).env("DATABASE", file);
    let database = format!("sqlite:{}", file.display());
    Receiver::start(
        "the receiver with a database",
        Store::Redis,
        Some(database),
        command,
    )
}

fn with_inbox(postgres: &PostgresServer) -> Receiver {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soak_inbox"));
    command.env("DATABASE_URL", postgres.url());
    Receiver::start(
        "the receiver with an inbox",
        Store::Postgres,
        Some(postgres.url()),
        command,
    )
}
