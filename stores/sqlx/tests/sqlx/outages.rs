//! A database that hangs, dies or is full: only stored events are acknowledged, and none is lost.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use sqlx::postgres::PgPoolOptions;
use tokio::time::sleep;
use tower_svix::idempotency::Store as _;
use tower_svix_sqlx::inbox::Receipt;
use tower_svix_sqlx::worker::Backoff;
use tower_svix_sqlx::{Engine, Inbox, SqlStore, Worker};
use tower_svix_tests::net::within;
use tower_svix_tests::postgres_server::PostgresServer;
use tower_svix_tests::stores::{LEASE, key, token};

use super::support::{Directory, deliver, deliver_many, open, until};

const TIMEOUT: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_postgres_is_503_also_in_the_queue_of_the_pool() {
    let server = PostgresServer::start();
    // There are fewer connections than deliveries, and the pool's own timeout is far too long to matter.
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .acquire_timeout(Duration::from_hours(1))
        .connect(&server.url())
        .await
        .unwrap();
    let inbox = Inbox::new(pool.clone())
        .timeout(TIMEOUT)
        .operator_timeout(TIMEOUT);
    let store = SqlStore::new(pool.clone()).timeout(TIMEOUT);
    inbox.migrate().await.unwrap();
    store.migrate().await.unwrap();
    let seen: Arc<Mutex<HashSet<String>>> = Arc::default();
    let worker = Worker::new(inbox.clone(), {
        let seen = Arc::clone(&seen);
        move |event| {
            seen.lock().unwrap().insert(event.id().to_owned());
            async { Ok::<_, Infallible>(()) }
        }
    });
    // If a claim reaches the database after the worker gave up waiting, the next renewal gives the events back.
    let worker = tokio::spawn(worker.lease(Duration::from_secs(2)).run());
    assert_eq!(deliver(&inbox, "msg_before", "{}").await.status, 202);
    until(&inbox, |counts| counts.done == 1).await;

    server.freeze();
    let deliveries = (0..20).map(|number| {
        let inbox = inbox.clone();
        async move { deliver(&inbox, &format!("msg_{number}"), "{}").await }
    });
    for answer in join_all(deliveries).await {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.receipt, Some(Receipt::StoreUnavailable));
        assert!(answer.retry_after.is_some());
    }
    let claimed = within(store.claim(&key(1), token(), LEASE)).await;
    claimed.unwrap_err();
    let counted = within(Box::pin(inbox.counts())).await;
    assert!(counted.unwrap_err().is_timeout());

    server.thaw();
    for number in 0..20 {
        within(async {
            while !deliver(&inbox, &format!("msg_{number}"), "{}")
                .await
                .status
                .is_success()
            {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }
    // The worker continues, and the pool has all its connections.
    until(&inbox.clone().timeout(Duration::from_secs(20)), |counts| {
        counts.done == 21
    })
    .await;
    assert_eq!(seen.lock().unwrap().len(), 21);
    worker.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_outlives_a_postgres_that_is_killed_stopped_and_frozen() {
    const SENDERS: usize = 6;

    let mut server = PostgresServer::durable();
    let pool = server.pool().await;
    let inbox = Inbox::new(pool.clone()).timeout(Duration::from_secs(1));
    inbox.migrate().await.unwrap();
    let running: Vec<_> = (0..2)
        .map(|_| {
            let worker = Worker::new(inbox.clone(), |_| async { Ok::<_, Infallible>(()) });
            let backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(100));
            let worker = worker.lease(Duration::from_secs(2)).backoff(backoff);
            tokio::spawn(worker.poll_interval(Duration::from_millis(100)).run())
        })
        .collect();
    let is_over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (inbox, is_over) = (inbox.clone(), Arc::clone(&is_over));
            tokio::spawn(async move {
                let (mut acknowledged, mut rejected) = (0_u64, 0_u64);
                while !is_over.load(Ordering::SeqCst) {
                    let id = format!("msg_{sender}_{acknowledged}");
                    let answer = deliver(&inbox, &id, "{}").await;
                    match answer.status.as_u16() {
                        200 | 202 => acknowledged += 1,
                        503 => {
                            rejected += 1;
                            sleep(Duration::from_millis(20)).await;
                        }
                        _ => panic!("{answer:?}"),
                    }
                }
                (acknowledged, rejected)
            })
        })
        .collect();
    let pause = || sleep(Duration::from_millis(700));
    pause().await;
    for disturbance in ["kill", "stop", "freeze", "kill"] {
        server = tokio::task::spawn_blocking(move || {
            match disturbance {
                "kill" => {
                    server.kill();
                    server.restart();
                }
                "stop" => {
                    server.stop();
                    server.restart();
                }
                _ => {
                    server.freeze();
                    std::thread::sleep(Duration::from_millis(1500));
                    server.thaw();
                }
            }
            server
        })
        .await
        .unwrap();
        pause().await;
    }
    is_over.store(true, Ordering::SeqCst);
    let mut total = 0;
    for sender in senders {
        let (acknowledged, rejected) = within(sender).await.unwrap();
        assert!(
            acknowledged > 0 && rejected > 0,
            "{acknowledged} {rejected}"
        );
        total += acknowledged;
    }
    let inbox = inbox.timeout(Duration::from_secs(20));
    // One event of each sender may be stored although it was not acknowledged.
    until(&inbox, |counts| counts.pending + counts.running == 0).await;
    let counts = inbox.counts().await.unwrap();
    assert_eq!(counts.dead, 0);
    let most = total + SENDERS as u64;
    assert!((total..=most).contains(&counts.done), "{total} {counts:?}");
    for worker in running {
        worker.abort();
    }
}

/// A small file system in memory.
struct SmallDisk(Directory);

impl SmallDisk {
    /// Returns `None` without the right to mount a file system.
    fn new(size: &str) -> Option<Self> {
        let directory = Directory::new();
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=777"),
                "tmpfs",
            ])
            .arg(&directory.0)
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(directory));
        }
        println!("NOT TESTED: a full disk. Only root can mount a small one");
        None
    }

    fn path(&self) -> &Path {
        &self.0.0
    }

    fn fill(&self) {
        let mut filled = Command::new("dd");
        let of = format!("of={}", self.path().join("filler").display());
        filled.args(["if=/dev/zero", "bs=4096", &of]);
        assert!(!filled.output().unwrap().status.success(), "it is full");
    }

    fn clear(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

/// Delivers until the disk is full, continues on the full disk, and delivers again once there is room.
async fn nothing_is_acknowledged_on_a_full_disk<DB: Engine>(disk: &SmallDisk, inbox: &Inbox<DB>) {
    let body = "x".repeat(8000);
    let mut stored = 0;
    for number in 0..10 {
        let answer = deliver(inbox, &format!("msg_{number}"), body.clone()).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        stored += 1;
    }
    disk.fill();
    let mut rejected = Vec::new();
    // Space that the database has reserved is used up first.
    for number in 10..2000 {
        let id = format!("msg_{number}");
        let answer = deliver(inbox, &id, body.clone()).await;
        match answer.status.as_u16() {
            202 => stored += 1,
            503 => rejected.push(id),
            _ => panic!("{answer:?}"),
        }
        if rejected.len() >= 10 {
            break;
        }
    }
    assert_eq!(rejected.len(), 10, "the disk is full");
    disk.clear();
    for id in &rejected {
        within(async {
            while !deliver(inbox, id, body.clone()).await.status.is_success() {
                sleep(Duration::from_millis(100)).await;
            }
        })
        .await;
    }
    until(inbox, |counts| counts.pending == stored + 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_on_a_full_disk_by_sqlite() {
    let Some(disk) = SmallDisk::new("1m") else {
        return;
    };
    let pool = open(disk.path().join("webhooks.sqlite")).await;
    let inbox = Inbox::new(pool.clone());
    inbox.migrate().await.unwrap();
    nothing_is_acknowledged_on_a_full_disk(&disk, &inbox).await;
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_effect_happens_once_though_the_disk_was_full_in_the_middle_on_sqlite() {
    const EVENTS: u64 = 20;

    let Some(disk) = SmallDisk::new("4m") else {
        return;
    };
    let pool = open(disk.path().join("webhooks.sqlite")).await;
    let inbox = Inbox::new(pool.clone());
    inbox.migrate().await.unwrap();
    sqlx::query("CREATE TABLE effects (id TEXT, payload BLOB)")
        .execute(&pool)
        .await
        .unwrap();
    deliver_many(&inbox, 20).await;
    let disk = Arc::new(disk);
    let is_filled = Arc::new(AtomicBool::new(false));
    let worker = Worker::transactional(inbox.clone(), {
        let (disk, is_filled) = (Arc::clone(&disk), Arc::clone(&is_filled));
        move |event, transaction| {
            let (disk, is_filled) = (Arc::clone(&disk), Arc::clone(&is_filled));
            Box::pin(async move {
                if event.number() == 5 && !is_filled.load(Ordering::SeqCst) {
                    disk.fill();
                    is_filled.store(true, Ordering::SeqCst);
                }
                let insert = "INSERT INTO effects VALUES ($1, zeroblob(20000))";
                let insert = sqlx::query(insert).bind(event.id());
                insert.execute(&mut **transaction).await.map(drop)
            })
        }
    });
    let backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(100));
    let worker = worker
        .backoff(backoff)
        .poll_interval(Duration::from_millis(50))
        .max_attempts(1000);
    let running = tokio::spawn(worker.run());
    within(async {
        while !is_filled.load(Ordering::SeqCst) {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    sleep(Duration::from_secs(1)).await;
    assert!(inbox.counts().await.unwrap().done < EVENTS);
    disk.clear();
    until(&inbox, |counts| counts.done == EVENTS).await;
    running.abort();
    let _ = running.await;
    let effects: (i64, i64) = sqlx::query_as("SELECT count(*), count(DISTINCT id) FROM effects")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(effects, (20, 20));
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_on_a_full_disk_by_postgres() {
    let Some(disk) = SmallDisk::new("100m") else {
        return;
    };
    let folder = disk.path().join("data");
    let mut server = PostgresServer::in_directory(folder, &["-c", "fsync=on"]);
    let inbox = Inbox::new(server.pool().await);
    inbox.migrate().await.unwrap();
    nothing_is_acknowledged_on_a_full_disk(&disk, &inbox).await;
    server.kill();
}
