//! The program `webhook`, run as users run it.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod browser;
mod commands;
mod explain;
mod guard;
mod listen;
mod send;
mod store;
mod support;
#[cfg(feature = "tls")]
mod tls;
