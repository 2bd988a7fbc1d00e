//! The receivers, the workers and the database of an inbox die in turn. Every acknowledged event has its effect:
//! exactly once in a transaction, at least once without.
//!
//! `programs/inbox.rs` is each receiver and each worker. `INBOX_DELIVERIES` sets the number of deliveries.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Executor, Pool};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower_svix_sqlx::inbox::Counts;
use tower_svix_sqlx::{Engine, Inbox};
use tower_svix_tests::faketime::set_clock;
use tower_svix_tests::net::Delivery;
use tower_svix_tests::postgres_server::{self, PostgresServer};
use tower_svix_tests::process::{Server, Signal};

const SENDERS: usize = 8;
const RECEIVERS: usize = 2;
const WORKERS: usize = 4;
/// How often each event is delivered.
const DELIVERIES_OF_EACH: usize = 4;
const TIMEOUT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn in_a_transaction_each_effect_happens_exactly_once_on_postgres() {
    let counts = on_postgres("transactional-worker", 10_000).await;
    assert!(counts.values().all(|effects| *effects == 1), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_transaction_each_effect_happens_at_least_once_on_postgres() {
    on_postgres("worker", 4000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_transaction_each_effect_happens_exactly_once_on_sqlite() {
    let counts = on_sqlite("transactional-worker", 1000).await;
    assert!(counts.values().all(|effects| *effects == 1), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_transaction_each_effect_happens_at_least_once_on_sqlite() {
    on_sqlite("worker", 1000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_aborts_its_process_takes_no_other_along_on_postgres() {
    let server = PostgresServer::start();
    let pool = postgres_server::connect(&server.url()).await;
    beside_poison(&pool, &server.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_aborts_its_process_takes_no_other_along_on_sqlite() {
    let file = File::new();
    let pool = SqlitePoolOptions::new().connect(&file.url).await.unwrap();
    beside_poison(&pool, &file.url).await;
}

/// The process is started again each time it aborts.
async fn beside_poison<DB: Engine>(pool: &Pool<DB>, url: &str)
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    const NEIGHBOURS: usize = 7;

    prepare(pool).await;
    let receiver = start(url, "receiver", 0);
    let ids = (0..NEIGHBOURS).map(|number| format!("msg_{number}"));
    let ids = ids.chain([String::from("msg_poison")]);
    let addresses = Arc::new(RwLock::new(vec![receiver.address]));
    let told = send(ids, addresses, Arc::default()).await;
    // On a busy machine, a delivery may be stored after its 503, so that its retry is a duplicate.
    assert_eq!(told.stored + told.duplicates, NEIGHBOURS + 1);

    let inbox = Inbox::new(pool.clone());
    let mut worker = start(url, "poisoned-worker", 2);
    let mut deaths = 0;
    let all = async {
        loop {
            if worker.wait(Duration::from_millis(20)).is_some() {
                deaths += 1;
                worker = start(url, "poisoned-worker", 2);
            }
            let counts = inbox.counts().await.unwrap();
            if counts.pending + counts.running == 0 {
                return counts;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    let counts = timeout(TIMEOUT, all).await.unwrap();
    assert_eq!((counts.done, counts.dead), (NEIGHBOURS as u64, 1));
    assert_eq!(deaths, 4);
    let mut connection = pool.acquire().await.unwrap();
    let effects = connection.fetch_all("SELECT DISTINCT id FROM effects");
    assert_eq!(effects.await.unwrap().len(), NEIGHBOURS);
}

/// A new file.
struct File {
    directory: PathBuf,
    url: String,
}

impl File {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("inbox-crash-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = directory.join("inbox.sqlite");
        let url = format!("sqlite:{}?mode=rwc", file.display());
        Self { directory, url }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

async fn on_sqlite(role: &'static str, default: usize) -> HashMap<String, i64> {
    let file = File::new();
    let pool = SqlitePoolOptions::new().connect(&file.url).await.unwrap();
    let mut crowd = Crowd::start(&pool, &file.url, role, deliveries(default)).await;
    let mut disturbances = vec![Disturbance::Receiver(0), Disturbance::Receiver(1)];
    disturbances.extend((0..WORKERS).map(Disturbance::Worker));
    crowd.disturb(&disturbances, None).await;
    crowd.finish(&pool).await
}

async fn on_postgres(role: &'static str, default: usize) -> HashMap<String, i64> {
    let mut server = PostgresServer::start();
    let url = server.url();
    let pool = postgres_server::connect(&url).await;
    let mut crowd = Crowd::start(&pool, &url, role, deliveries(default)).await;
    let disturbances = [
        Disturbance::Worker(0),
        Disturbance::Receiver(0),
        Disturbance::Worker(1),
        Disturbance::DatabaseKilled,
        Disturbance::WorkerFrozen(2),
        Disturbance::Receiver(1),
        Disturbance::DatabaseFrozen,
        Disturbance::Worker(3),
        Disturbance::DatabaseStopped,
        Disturbance::Worker(2),
    ];
    crowd.disturb(&disturbances, Some(&mut server)).await;
    crowd.finish(&pool).await
}

/// Returns the number of deliveries.
fn deliveries(default: usize) -> usize {
    env::var("INBOX_DELIVERIES").map_or(default, |number| number.parse().unwrap())
}

#[derive(Clone, Copy, Debug)]
enum Disturbance {
    Receiver(usize),
    Worker(usize),
    /// For longer than the lease.
    WorkerFrozen(usize),
    DatabaseKilled,
    DatabaseFrozen,
    DatabaseStopped,
}

/// All processes except the database, and the senders.
struct Crowd {
    url: String,
    role: &'static str,
    deliveries: usize,
    receivers: Vec<Server>,
    workers: Vec<Server>,
    addresses: Arc<RwLock<Vec<SocketAddr>>>,
    acknowledged: Arc<AtomicUsize>,
    senders: JoinSet<Tally>,
}

/// The responses that the senders got.
#[derive(Default)]
struct Tally {
    stored: usize,
    duplicates: usize,
    /// Deliveries without a 2xx.
    failed: usize,
}

impl Crowd {
    async fn start<DB: Engine>(
        pool: &Pool<DB>,
        url: &str,
        role: &'static str,
        deliveries: usize,
    ) -> Self
    where
        for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    {
        prepare(pool).await;
        let receivers: Vec<_> = (0..RECEIVERS).map(|_| start(url, "receiver", 0)).collect();
        let workers = (0..WORKERS)
            .map(|number| start(url, role, number))
            .collect();
        let addresses = receivers.iter().map(|receiver| receiver.address).collect();
        let mut crowd = Self {
            url: url.to_owned(),
            role,
            deliveries,
            receivers,
            workers,
            addresses: Arc::new(RwLock::new(addresses)),
            acknowledged: Arc::default(),
            senders: JoinSet::new(),
        };
        for sender in 0..SENDERS {
            let (addresses, acknowledged) = (
                Arc::clone(&crowd.addresses),
                Arc::clone(&crowd.acknowledged),
            );
            let ids = (sender..deliveries)
                .step_by(SENDERS)
                .map(move |delivery| format!("msg_{}", delivery / DELIVERIES_OF_EACH));
            crowd.senders.spawn(send(ids, addresses, acknowledged));
        }
        crowd
    }

    /// Makes the disturbances one after the other, with deliveries between them.
    async fn disturb(
        &mut self,
        disturbances: &[Disturbance],
        mut server: Option<&mut PostgresServer>,
    ) {
        for (part, disturbance) in (1..).zip(disturbances) {
            let after = self.deliveries * part / (disturbances.len() + 1);
            let all = async {
                while self.acknowledged.load(Ordering::SeqCst) < after {
                    sleep(Duration::from_millis(2)).await;
                }
            };
            if timeout(TIMEOUT, all).await.is_err() {
                let acknowledged = self.acknowledged.load(Ordering::SeqCst);
                panic!(
                    "{acknowledged} of {} before {disturbance:?}",
                    self.deliveries
                );
            }
            match *disturbance {
                Disturbance::Receiver(number) => {
                    self.receivers[number] = start(&self.url, "receiver", 0);
                    let addresses = self.receivers.iter().map(|receiver| receiver.address);
                    *self.addresses.write().unwrap() = addresses.collect();
                }
                Disturbance::Worker(number) => {
                    self.workers[number] = start(&self.url, self.role, number);
                }
                Disturbance::WorkerFrozen(number) => {
                    self.workers[number].signal(Signal::STOP);
                    sleep(Duration::from_millis(2500)).await;
                    self.workers[number].signal(Signal::CONT);
                }
                Disturbance::DatabaseKilled => {
                    let server = server.as_mut().unwrap();
                    server.kill();
                    server.restart();
                }
                Disturbance::DatabaseStopped => {
                    let server = server.as_mut().unwrap();
                    server.stop();
                    server.restart();
                }
                Disturbance::DatabaseFrozen => {
                    let server = server.as_mut().unwrap();
                    server.freeze();
                    sleep(Duration::from_millis(1500)).await;
                    server.thaw();
                }
            }
        }
    }

    /// Waits until all events are delivered and processed. Returns the number of effects of each event.
    async fn finish<DB: Engine>(mut self, pool: &Pool<DB>) -> HashMap<String, i64>
    where
        for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
        for<'r> i64: sqlx::Decode<'r, DB> + sqlx::Type<DB>,
        for<'r> String: sqlx::Decode<'r, DB> + sqlx::Type<DB>,
        usize: sqlx::ColumnIndex<DB::Row>,
    {
        let mut told = Tally::default();
        while let Some(tally) = timeout(TIMEOUT, self.senders.join_next()).await.unwrap() {
            let tally = tally.unwrap();
            told.stored += tally.stored;
            told.duplicates += tally.duplicates;
            told.failed += tally.failed;
        }
        let events = self.deliveries / DELIVERIES_OF_EACH;
        assert_eq!(told.stored + told.duplicates, self.deliveries);
        // The response to the delivery that stored it may have been lost.
        assert!(told.stored <= events, "{} of {events}", told.stored);
        assert!(told.failed > 0, "the disturbances were noticed");

        let inbox = Inbox::new(pool.clone()).timeout(Duration::from_secs(20));
        let mut counts = Counts::default();
        let all = async {
            while counts.done < events as u64 {
                sleep(Duration::from_millis(50)).await;
                if let Ok(now) = inbox.counts().await {
                    counts = now;
                }
            }
        };
        let in_time = timeout(TIMEOUT, all).await.is_ok();
        assert!(in_time, "{counts:?} of {events}");
        assert_eq!((counts.done, counts.dead), (events as u64, 0));
        drop(self.workers);

        let mut connection = pool.acquire().await.unwrap();
        let rows = connection
            .fetch_all("SELECT id, count(*) FROM effects GROUP BY id")
            .await
            .unwrap();
        let effects: HashMap<String, i64> = rows
            .iter()
            .map(|row| (sqlx::Row::get(row, 0), sqlx::Row::get(row, 1)))
            .collect();
        assert_eq!(effects.len(), events, "each event has its effect");
        effects
    }
}

async fn prepare<DB: Engine>(pool: &Pool<DB>)
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    Inbox::new(pool.clone()).migrate().await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let create = connection.execute("CREATE TABLE effects (id TEXT)");
    create.await.unwrap();
}

async fn send(
    ids: impl Iterator<Item = String>,
    addresses: Arc<RwLock<Vec<SocketAddr>>>,
    acknowledged: Arc<AtomicUsize>,
) -> Tally {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut tally = Tally::default();
    for id in ids {
        let body = format!(r#"{{"type":"job.completed","id":"{id}"}}"#);
        let delivery = Delivery::genuine(&id, body);
        loop {
            let address = {
                let addresses = addresses.read().unwrap();
                addresses[rand::random_range(0..addresses.len())]
            };
            let mut request = Request::post(format!("http://{address}/webhook"))
                .body(Full::new(delivery.body.clone()))
                .unwrap();
            request.headers_mut().extend(delivery.headers());
            let response = timeout(Duration::from_secs(10), client.request(request)).await;
            match response.map(|response| response.map(|response| response.status())) {
                Ok(Ok(StatusCode::ACCEPTED)) => {
                    tally.stored += 1;
                    break;
                }
                Ok(Ok(StatusCode::OK)) => {
                    tally.duplicates += 1;
                    break;
                }
                // The connection broke, or there was no response.
                Ok(Ok(StatusCode::SERVICE_UNAVAILABLE) | Err(_)) | Err(_) => {}
                Ok(Ok(other)) => panic!("{other}"),
            }
            tally.failed += 1;
            sleep(Duration::from_millis(20)).await;
        }
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    tally
}

/// Starts a process. The clocks of the first two workers are twenty minutes apart.
fn start(url: &str, role: &str, number: usize) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inbox"));
    command.env("DATABASE_URL", url).env("ROLE", role);
    // Its handlers panic again and again, and a debug build takes long to find the names for a backtrace.
    command.env("RUST_BACKTRACE", "0");
    if role != "receiver"
        && let Some(offset) = ["+600s", "-600s"].get(number)
    {
        set_clock(&mut command, offset);
    }
    Server::start(&mut command)
}
