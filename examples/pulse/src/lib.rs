//! Pulse, a document-processing API, and its webhooks: the whole flow.
//!
//! ```text
//!  submit ──► Pulse ──► POST /webhook          worker ──► GET /job/{id} ──► results/{id}.json
//!                          │ verify               ▲        (large: GET /large_results/{id})
//!                          │ store, then 2xx      │
//!                          └──────► inbox ────────┘
//! ```
//!
//! | Idea | File |
//! | --- | --- |
//! | Receive an event, and acknowledge it once it is stored | [`server`] |
//! | The durable inbox between the two, of `tower-svix-sqlx` | [`inbox`], [`database`] |
//! | Fetch the result in the background | [`handler`] |
//! | Look at the inbox, and have events processed again | [`operate`] |
//! | What is known of each job | [`jobs`] |
//! | Files that are whole or not there | [`results`] |
//! | A download that there is only once | [`download`], [`part`] |
//! | Pulse's API, with retries and bounds | [`api`] |
//! | What is printed cannot steer a terminal | [`printable`] |
//! | All of it in one process | [`app`], [`metrics`] |
//! | A crash that loses nothing, with a Pulse that runs on this machine | [`demo`], [`fake`] |
//!
//! What is done at least once is harmless when it is done twice: a result is a file with the name of its job.

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

/// An error that is shown to whoever runs the program.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
