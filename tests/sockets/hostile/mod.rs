//! A hostile network, over sockets: clients that are slow, that break off, and that send what is not allowed.
//!
//! Most of them attack [`target`], the middleware behind hyper with hyper's defaults. `example_server` attacks the
//! example for production in its own process, with its own limits.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod frames;
mod hpack;
mod target;

mod broken;
mod compression;
mod doubtful;
#[cfg(unix)]
mod example_server;
mod framing;
mod http2;
#[cfg(target_os = "linux")]
mod http2_floods;
mod http2_limits;
mod memory;
mod pipelining;
mod slow;
mod smuggling;
mod tunnels;
