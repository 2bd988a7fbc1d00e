//! Pulse, a document-processing API, and its webhooks: the whole flow.
//!
//! ```text
//!  submit ──► Pulse ──► POST /webhook          worker ──► GET /job/{id} ──► results/{id}.json
//!                          │ verify               ▲        (large: GET /large_results/{id})
//!                          │ deduplicate          │
//!                          │ store, then 2xx      │
//!                          └────────► queue.db ───┘
//! ```
//!
//! | Idea | File |
//! | --- | --- |
//! | Receive an event, and acknowledge it once it is stored | [`server`] |
//! | The durable queue between the two | [`queue`] |
//! | Fetch the result in the background, and try again | [`worker`] |
//! | What is known of each job, failures included | [`jobs`] |
//! | Files that are whole or not there | [`results`] |
//! | Pulse's API, with retries | [`api`], [`backoff`] |
//! | All of it in one process | [`app`], [`demo`] |
//! | A Pulse that runs on this machine | [`fake`] |

pub mod api;
pub mod app;
pub mod backoff;
pub mod database;
pub mod demo;
pub mod fake;
pub mod jobs;
pub mod queue;
pub mod results;
pub mod server;
pub mod worker;

/// An error that is shown to whoever runs the program.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
