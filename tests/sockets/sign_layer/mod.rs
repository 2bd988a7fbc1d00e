//! The layer that signs, with the clients that users have.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clients;
mod round_trip;

use tower_svix::SigningKey;
use tower_svix_tests::sender::Sender;

/// The sender's side of the key.
fn signing_key(sender: &Sender) -> SigningKey {
    sender.secret().parse().unwrap()
}
