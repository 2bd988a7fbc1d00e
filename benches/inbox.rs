//! The cost of storing each event before the response, beside a store of ids in memory, the layer alone, and what
//! `pgbench` inserts into the same table.
//!
//! ```text
//! cargo bench -p benches --bench inbox --features inbox          # some three minutes
//! ```
//!
//! One process has the server, axum on two threads, and the 32 connections that send. `PostgreSQL` (`fsync` on) runs
//! beside it. The forms take turns, and the medians of the rounds are printed. All writes are on disk before the
//! response: `SQLite` with WAL and `synchronous=FULL`.
#![allow(clippy::unwrap_used, reason = "a benchmark that panics has failed")]

#[allow(dead_code, reason = "a benchmark uses its part")]
#[path = "../tests/src/postgres_server.rs"]
mod postgres_server;
mod support;

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::File;
use std::future::ready;
use std::io::{self, Seek as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, process};

use axum::Router;
use axum::routing::post;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::interval;
use tower::Layer as _;
use tower_svix::IdempotencyLayer;
use tower_svix::idempotency::MemoryStore;
use tower_svix_sqlx::inbox::StoredEvent;
use tower_svix_sqlx::{Engine, Inbox, TableName, Worker};

use self::postgres_server::PostgresServer;
use self::support::net::Delivery;

const CONNECTIONS: usize = 32;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);
const BODY: usize = 1024;
/// The number of connections from the server to Postgres.
const POOL: u32 = 16;
const TABLE: &str = "webhook_inbox";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> io::Result<()> {
    let postgres = PostgresServer::durable();
    let directory = env::temp_dir().join(format!("tower-svix-inbox-{}", process::id()));
    fs::create_dir_all(&directory)?;

    let writes = durable_writes(&directory)?;
    writeln!(
        io::stdout(),
        "the disk: {writes:.0} writes of 8 KiB a second, one after another\n"
    )?;
    stored(&postgres, &directory).await?;
    processed(&postgres, &directory).await?;
    fs::remove_dir_all(directory)
}

/// Returns how many times a second the disk can be waited for.
fn durable_writes(directory: &Path) -> io::Result<f64> {
    let path = directory.join("writes");
    let mut file = File::create(&path)?;
    let (start, mut writes) = (Instant::now(), 0.0);
    while start.elapsed() < Duration::from_secs(2) {
        file.rewind()?;
        file.write_all(&[1; 8192])?;
        file.sync_data()?;
        writes += 1.0;
    }
    fs::remove_file(path)?;
    Ok(writes / start.elapsed().as_secs_f64())
}

/// Measures events a second, and how long their senders wait.
async fn stored(postgres: &PostgresServer, directory: &Path) -> io::Result<()> {
    let in_postgres = Inbox::new(postgres_pool(postgres, POOL).await);
    in_postgres.migrate().await.unwrap();
    let in_sqlite = Inbox::new(sqlite_pool(directory).await);
    in_sqlite.migrate().await.unwrap();

    let servers = [
        ("verified alone", serve(alone()).await),
        ("ids in memory", serve(in_memory()).await),
        ("inbox, SQLite", serve(receiver(in_sqlite)).await),
        ("inbox, Postgres", serve(receiver(in_postgres)).await),
    ];
    let mut rates: HashMap<&str, Vec<Round>> = HashMap::new();
    for round in 0..ROUNDS {
        for (name, address) in servers {
            let round = send(address, &format!("{round}_{name}")).await;
            rates.entry(name).or_default().push(round);
        }
        let inserted = pgbench(postgres);
        rates.entry("pgbench").or_default().push(inserted);
    }
    let mut out = io::stdout();
    writeln!(
        out,
        "{CONNECTIONS} connections    events/s       p50       p99"
    )?;
    for name in servers.map(|(name, _)| name).iter().chain(&["pgbench"]) {
        let rounds = &rates[name];
        let rate = median(rounds.iter().map(|round| round.rate));
        let p50 = median(rounds.iter().map(|round| round.p50));
        let p99 = median(rounds.iter().map(|round| round.p99));
        writeln!(out, "{name:16} {rate:10.0} {p50:6.2} ms {p99:6.2} ms")?;
    }
    let share = |name: &str| median(rates[name].iter().map(|round| round.rate));
    let of_pgbench = share("inbox, Postgres") / share("pgbench");
    writeln!(out, "inbox, Postgres: {of_pgbench:.2} of pgbench")
}

/// A round, as one sender sees it.
struct Round {
    /// Events a second.
    rate: f64,
    /// Of the time until the response, in milliseconds.
    p50: f64,
    p99: f64,
}

async fn send(address: SocketAddr, prefix: &str) -> Round {
    let number = Arc::new(AtomicU64::new(0));
    let prefix: String = prefix
        .chars()
        .filter(|character| character.is_alphanumeric() || *character == '_')
        .collect();
    let mut senders = JoinSet::new();
    let start = Instant::now();
    for _ in 0..CONNECTIONS {
        let (number, prefix) = (Arc::clone(&number), prefix.clone());
        senders.spawn(async move {
            let mut connection = Connection::open(address).await;
            let mut waits = Vec::new();
            while start.elapsed() < ROUND {
                let number = number.fetch_add(1, Ordering::Relaxed);
                let request = request(&format!("msg_{prefix}_{number}"));
                let sent = Instant::now();
                connection.send(&request).await;
                waits.push(sent.elapsed());
            }
            waits
        });
    }
    let waits = senders.join_all().await.concat();
    round(waits, start.elapsed())
}

fn round(mut waits: Vec<Duration>, took: Duration) -> Round {
    waits.sort_unstable();
    #[allow(clippy::cast_precision_loss, reason = "far from 2^53")]
    let rate = waits.len() as f64 / took.as_secs_f64();
    Round {
        rate,
        p50: milliseconds(waits[waits.len() / 2]),
        p99: milliseconds(waits[waits.len() * 99 / 100]),
    }
}

/// Returns the bytes of a delivery, signed by the `standardwebhooks` crate.
fn request(id: &str) -> Vec<u8> {
    let mut body = br#"{"type":"job.completed","data":""#.to_vec();
    body.resize(BODY - 2, b'a');
    body.extend_from_slice(br#""}"#);
    let delivery = Delivery::genuine(id, body);
    let mut request = Vec::with_capacity(2 * BODY);
    write!(
        request,
        "POST /webhook HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {BODY}\r\n"
    )
    .unwrap();
    for (name, value) in &delivery.headers() {
        write!(request, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(&delivery.body);
    request
}

/// A connection that sends one delivery after another.
struct Connection(TcpStream);

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    async fn send(&mut self, request: &[u8]) {
        self.0.write_all(request).await.unwrap();
        let mut answer = Vec::with_capacity(1024);
        loop {
            assert_ne!(
                self.0.read_buf(&mut answer).await.unwrap(),
                0,
                "it is cut off"
            );
            if let Some(len) = answer_len(&answer)
                && answer.len() >= len
            {
                break;
            }
        }
        assert!(answer.starts_with(b"HTTP/1.1 2"), "not accepted");
    }
}

/// Returns the length of the response, once its headers are there.
fn answer_len(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).unwrap();
    let body = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    Some(head + body.parse::<usize>().unwrap())
}

/// Measures the same insert of the same size with Postgres's own benchmark: prepared, over 32 connections.
fn pgbench(postgres: &PostgresServer) -> Round {
    let script = env::temp_dir().join(format!("tower-svix-insert-{}.sql", process::id()));
    let payload = "a".repeat(BODY);
    let insert = format!(
        "INSERT INTO {TABLE} (key, id, type, sent_at, payload) \
         VALUES (sha256(random()::text::bytea), 'msg_' || random(), 'job.completed', now(), '{payload}') \
         ON CONFLICT (key) DO NOTHING;\n"
    );
    fs::write(&script, insert).unwrap();
    let output = Command::new(postgres_server::programs().join("pgbench"))
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .args(["--client", &CONNECTIONS.to_string()])
        .args(["--time", &ROUND.as_secs().to_string()])
        .args(["--log", "--log-prefix"])
        .arg(script.with_extension("log"))
        .arg("--file")
        .arg(&script)
        .arg(postgres.url())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "pgbench: {errors}");
    fs::remove_file(&script).unwrap();
    let mut waits = Vec::new();
    for file in fs::read_dir(env::temp_dir()).unwrap() {
        let path = file.unwrap().path();
        let name = script.with_extension("log");
        let name = name.file_name().unwrap().to_str().unwrap();
        if path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with(name)
        {
            // `client transaction microseconds …`
            let log = fs::read_to_string(&path).unwrap();
            waits.extend(log.lines().map(|line| {
                let field = line.split(' ').nth(2).unwrap();
                Duration::from_micros(field.parse().unwrap())
            }));
            fs::remove_file(path).unwrap();
        }
    }
    round(waits, ROUND)
}

/// Measures how soon events are processed, and how many a second.
async fn processed(postgres: &PostgresServer, directory: &Path) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(
        out,
        "\nto the handler   workers       p50       p99  events/s"
    )?;
    for count in [1, 4] {
        let inbox = Inbox::new(postgres_pool(postgres, POOL).await).table(table(count));
        inbox.migrate().await.unwrap();
        let mut workers = Vec::new();
        // With separate pools, they are like other processes: they learn about events by `NOTIFY`.
        for _ in 0..count {
            let pool = postgres_pool(postgres, POOL / 2).await;
            workers.push(Inbox::new(pool).table(table(count)));
        }
        let before = log_bytes(postgres).await;
        let measured = work(inbox, &workers).await;
        let written = (log_bytes(postgres).await - before) / measured.events;
        report("inbox, Postgres", &measured)?;
        writeln!(out, "  log: {written} bytes an event, stored and processed")?;
    }
    for count in [1, 4] {
        let inbox = Inbox::new(sqlite_pool(directory).await).table(table(count));
        inbox.migrate().await.unwrap();
        let workers = vec![inbox.clone(); count];
        report("inbox, SQLite", &work(inbox, &workers).await)?;
    }
    Ok(())
}

fn table(workers: usize) -> TableName {
    format!("inbox_of_{workers}").parse().unwrap()
}

/// Returns how much Postgres has written to its log so far, in bytes.
async fn log_bytes(postgres: &PostgresServer) -> usize {
    let pool = postgres_pool(postgres, 1).await;
    let bytes: i64 = sqlx::query_scalar("SELECT (pg_current_wal_insert_lsn() - '0/0')::BIGINT")
        .fetch_one(&pool)
        .await
        .unwrap();
    usize::try_from(bytes).unwrap()
}

/// The results of workers.
struct Worked {
    workers: usize,
    events: usize,
    /// The time from the response to the handler.
    soon: Round,
    /// Events a second, while thousands wait.
    rate: f64,
}

fn report(name: &str, worked: &Worked) -> io::Result<()> {
    let Worked {
        workers,
        soon: Round { p50, p99, .. },
        rate,
        ..
    } = worked;
    writeln!(
        io::stdout(),
        "{name:16} {workers:7} {p50:6.2} ms {p99:6.2} ms {rate:9.0}"
    )
}

/// Measures the time from a response to the handler, with a delivery every 5 ms, and how many events a second are
/// processed while thousands wait.
async fn work<DB: Engine>(inbox: Inbox<DB>, workers: &[Inbox<DB>]) -> Worked {
    const SPACED: usize = 500;
    const WAITING: usize = 5000;

    let address = serve(receiver(inbox)).await;
    let handled = Arc::new(Handled::default());
    let mut connection = Connection::open(address).await;

    let running = Running::start(workers, &handled);
    let mut answered = Vec::new();
    let mut pace = interval(Duration::from_millis(5));
    for number in 0..SPACED {
        pace.tick().await;
        let id = format!("msg_spaced_{number}");
        connection.send(&request(&id)).await;
        answered.push((id, Instant::now()));
    }
    handled.wait_for(SPACED).await;
    running.stop().await;
    let begun = handled.begun.lock().unwrap().clone();
    let waits = answered
        .iter()
        // A handler may start before the sender has its response.
        .map(|(id, answered)| begun[id].saturating_duration_since(*answered))
        .collect();

    for number in 0..WAITING {
        let id = format!("msg_waiting_{number}");
        connection.send(&request(&id)).await;
    }
    let start = Instant::now();
    let running = Running::start(workers, &handled);
    handled.wait_for(SPACED + WAITING).await;
    let took = start.elapsed();
    running.stop().await;
    #[allow(clippy::cast_precision_loss, reason = "far from 2^53")]
    let rate = WAITING as f64 / took.as_secs_f64();
    Worked {
        workers: workers.len(),
        events: SPACED + WAITING,
        soon: round(waits, took),
        rate,
    }
}

/// When the handler of each event started.
#[derive(Default)]
struct Handled {
    begun: Mutex<HashMap<String, Instant>>,
    changed: Notify,
}

impl Handled {
    async fn wait_for(&self, count: usize) {
        loop {
            let changed = self.changed.notified();
            if self.begun.lock().unwrap().len() >= count {
                return;
            }
            changed.await;
        }
    }
}

/// Workers. Dropping this stops them.
struct Running {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Running {
    fn start<DB: Engine>(inboxes: &[Inbox<DB>], handled: &Arc<Handled>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for inbox in inboxes {
            let handled = Arc::clone(handled);
            let worker = Worker::new(inbox.clone(), move |event: StoredEvent| {
                let mut begun = handled.begun.lock().unwrap();
                begun.insert(event.id().to_owned(), Instant::now());
                handled.changed.notify_one();
                ready(Ok::<_, Infallible>(()))
            });
            let mut stopped = stopped.clone();
            tasks.spawn(worker.concurrency(16).run_until(async move {
                let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
            }));
        }
        Self { stop, tasks }
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        self.tasks.join_all().await;
    }
}

async fn postgres_pool(postgres: &PostgresServer, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .connect(&postgres.url())
        .await
        .unwrap()
}

async fn sqlite_pool(directory: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(directory.join("webhooks.sqlite"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    SqlitePoolOptions::new()
        .connect_with(options)
        .await
        .unwrap()
}

fn alone() -> Router {
    verified(Router::new().route("/webhook", post(async || "stored")))
}

fn in_memory() -> Router {
    let once = IdempotencyLayer::new(MemoryStore::new());
    verified(Router::new().route("/webhook", post(async || "stored").route_layer(once)))
}

fn verified(routes: Router) -> Router {
    routes.layer(support::layer(support::secret()))
}

fn receiver<DB: Engine>(inbox: Inbox<DB>) -> Router {
    let service = support::layer(support::secret()).layer(inbox);
    Router::new().route_service("/webhook", service)
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
