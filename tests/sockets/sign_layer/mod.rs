//! The layer that signs, with the HTTP clients that people use.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clients;
mod round_trip;

use tower_svix::SigningKey;
use tower_svix_tests::sender::Sender;

/// Returns the sender's form of the key.
fn signing_key(sender: &Sender) -> SigningKey {
    sender.secret().parse().unwrap()
}
