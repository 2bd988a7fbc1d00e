//! A whole application for Pulse, a document-processing API with webhooks.
//!
//! ```text
//!  submit ──► Pulse ──► POST /webhook          worker ──► GET /job/{id} ──► results/{id}.json
//!                          │ verify               ▲        (large: GET /large_results/{id})
//!                          │ store, then 2xx      │
//!                          └──────► inbox ────────┘
//! ```
//!
//! | Task | File |
//! | --- | --- |
//! | Receives an event, and acknowledges it once it is stored | [`server`] |
//! | Stores events in the inbox of `tower-svix-sqlx` | [`inbox`], [`database`] |
//! | Fetches the result in the background | [`handler`] |
//! | Shows the inbox, and lets events be processed again | [`operate`] |
//! | Records the latest status of each job | [`jobs`] |
//! | Writes files atomically | [`results`] |
//! | Receives a result that can be downloaded only once | [`download`], [`part`] |
//! | Calls Pulse's API, with retries and limits | [`api`] |
//! | Escapes control characters in printed texts | [`printable`] |
//! | Runs receiver and worker in one process | [`app`], [`metrics`] |
//! | Demonstrates a crash that loses nothing, with a fake Pulse on this machine | [`demo`], [`fake`] |
//!
//! An event may be processed more than once. This does no harm, because a result is a file with the name of its job.

pub mod api;
pub mod app;
pub mod database;
pub mod demo;
pub mod download;
mod failure;
pub mod fake;
pub mod handler;
pub mod inbox;
pub mod jobs;
pub mod metrics;
pub mod operate;
pub mod part;
pub mod printable;
pub mod results;
pub mod server;
mod whole;

/// An error that the program prints.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
