//! Why a delivery is rejected. Senders that do not use this crate make each usual mistake, and the diagnosis finds it.
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
