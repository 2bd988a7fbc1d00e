//! A hostile network, over real sockets: peers that are slow, that break off, and that send what they must not.
//!
//! [`target`] is what they attack: the middleware behind hyper with hyper's own defaults. `example_server` attacks the
//! example for production as a process, which has limits of its own.
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
