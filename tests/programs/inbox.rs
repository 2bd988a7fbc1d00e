//! A receiver that stores events, or a worker that processes them: see `sockets/inbox_crash.rs`, which kills both.
//!
//! The effect of an event is a row in the table `effects`.
#![allow(clippy::unwrap_used, reason = "a program that panics fails its test")]

use std::env;
use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Executor, Pool, Transaction};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tower::Layer as _;
use tower_svix_sqlx::inbox::StoredEvent;
use tower_svix_sqlx::worker::{Backoff, BoxError};
use tower_svix_sqlx::{Engine, Inbox, Worker};
use tower_svix_tests::net;

#[tokio::main]
async fn main() {
    let url = variable("DATABASE_URL");
    if url.starts_with("postgres:") {
        let options: PgConnectOptions = url.parse().unwrap();
        let pool = PgPoolOptions::new().max_connections(10);
        run(pool.connect_lazy_with(options)).await;
    } else {
        let options: SqliteConnectOptions = url.parse().unwrap();
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(10);
        run(pool.connect_lazy_with(options)).await;
    }
}

async fn run<DB: Engine>(pool: Pool<DB>)
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let inbox = Inbox::new(pool.clone());
    match variable("ROLE").as_str() {
        "receiver" => receive(inbox).await,
        "worker" => {
            // The test waits for a line like that of a receiver.
            println!("listening on http://127.0.0.1:1");
            let worker = Worker::new(inbox, move |event| effect_of(pool.clone(), event));
            work(worker).await;
        }
        "transactional-worker" => {
            println!("listening on http://127.0.0.1:1");
            let worker = Worker::transactional(inbox, |event, transaction| {
                Box::pin(effect_in(transaction, event))
            });
            work(worker).await;
        }
        "poisoned-worker" => {
            println!("listening on http://127.0.0.1:1");
            let worker = Worker::new(inbox, move |event| beside_poison(pool.clone(), event));
            let worker = worker
                .lease(Duration::from_secs(1))
                .poll_interval(Duration::from_millis(50))
                .max_attempts(4);
            worker.run().await;
        }
        role => panic!("{role}"),
    }
}

async fn receive<DB: Engine>(inbox: Inbox<DB>) {
    let router = Router::new().route_service("/webhook", net::layer().layer(inbox));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

async fn work<DB: Engine>(worker: Worker<DB>) {
    let backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(200));
    worker
        .lease(Duration::from_secs(2))
        .timeout(Duration::from_secs(1))
        .poll_interval(Duration::from_millis(200))
        .max_attempts(1000)
        .backoff(backoff)
        .run()
        .await;
}

async fn effect_of<DB: Engine>(pool: Pool<DB>, event: StoredEvent) -> Result<(), BoxError>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let mut connection = pool.acquire().await?;
    connection.execute(sqlx::raw_sql(insert(&event))).await?;
    drop(connection);
    misbehave(&event).await
}

async fn effect_in<DB: Engine>(
    transaction: &mut Transaction<'static, DB>,
    event: StoredEvent,
) -> Result<(), BoxError>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    (&mut **transaction)
        .execute(sqlx::raw_sql(insert(&event)))
        .await?;
    misbehave(&event).await
}

/// One event aborts the process while others are processed.
async fn beside_poison<DB: Engine>(pool: Pool<DB>, event: StoredEvent) -> Result<(), BoxError>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    if event.id() == "msg_poison" {
        sleep(Duration::from_millis(300)).await;
        std::process::abort();
    }
    sleep(Duration::from_millis(600)).await;
    let mut connection = pool.acquire().await?;
    connection.execute(sqlx::raw_sql(insert(&event))).await?;
    Ok(())
}

/// The test chose the ids.
fn insert(event: &StoredEvent) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("INSERT INTO effects VALUES ('{}')", event.id()))
}

/// Some of the first attempts fail after the effect.
async fn misbehave(event: &StoredEvent) -> Result<(), BoxError> {
    if event.attempt() == 1 {
        match event.number() % 100 {
            0 => return Err("an error".into()),
            33 => panic!("a panic"),
            66 if event.number() % 500 == 66 => std::future::pending().await,
            _ => {}
        }
    }
    Ok(())
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}
