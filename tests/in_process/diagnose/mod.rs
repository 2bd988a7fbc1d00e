//! Why a delivery does not verify: each usual mistake is made, by senders that have nothing of the crate in them, and found.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod body;
mod bounds;
mod delivery;
#[cfg(feature = "ed25519")]
mod ed25519;
mod headers;
mod json;
mod keys;
mod scheme;
mod silence;
mod time;
