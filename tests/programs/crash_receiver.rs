//! A receiver that stalls before or after its effect until it is killed or told to fail: see
//! `sockets/idempotency_crash.rs`.
//!
//! Its effect is a line in the file that the variable `EFFECTS` names. If it is to be told to fail, it fails once the
//! file that `FAIL` names exists.
#![allow(clippy::unwrap_used, reason = "a program that panics fails its test")]

use std::env;
use std::fs::OpenOptions;
use std::future::pending;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Extension, Router};
use tokio::net::TcpListener;
use tokio::time::sleep;
use tower_svix::{IdempotencyLayer, VerifiedEvent};
use tower_svix_redis::RedisStore;
use tower_svix_tests::net;

#[tokio::main]
async fn main() {
    let client = redis::Client::open(variable("REDIS_URL")).unwrap();
    let connection = client.get_connection_manager().await.unwrap();
    let lease = Duration::from_secs(variable("LEASE_SECONDS").parse().unwrap());
    let router = Router::new()
        .route("/webhook", post(handle))
        .layer(IdempotencyLayer::new(RedisStore::new(connection, "webhook:")).lease(lease))
        .layer(net::layer());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

async fn handle(Extension(event): Extension<VerifiedEvent>) -> StatusCode {
    let stall = env::var("STALL").unwrap_or_default();
    if stall == "before" {
        println!("in the handler");
        pending::<()>().await;
    }
    if stall == "until told to fail" {
        println!("in the handler");
        let told = PathBuf::from(variable("FAIL"));
        while !told.exists() {
            sleep(Duration::from_millis(10)).await;
        }
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(variable("EFFECTS"))
        .unwrap();
    writeln!(file, "{}", event.id()).unwrap();
    if stall == "after" {
        println!("in the handler");
        pending::<()>().await;
    }
    StatusCode::OK
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}
