//! One valid delivery and its receiver, for tests of something else.

use http::{HeaderMap, StatusCode};
use tower_svix::{Rejection, Secret, SvixVerifyLayer};

use crate::Outcome;
use crate::clock::At;
use crate::sender::Sender;

pub const NOW: u64 = 1_700_000_000;
pub const ID: &str = "msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa";
pub const BODY: &[u8] = br#"{"type":"invoice.paid","data":{"id":"in_1"}}"#;

pub fn sender() -> Sender {
    Sender::with_key(*b"a key of some thirty characters")
}

/// Returns the receiver's secret.
pub fn secret() -> Secret {
    secret_of(&sender())
}

pub fn secret_of(sender: &Sender) -> Secret {
    sender.secret().parse().expect("a secret")
}

/// Returns a receiver of the deliveries of [`sender`] at [`NOW`].
pub fn layer() -> SvixVerifyLayer {
    SvixVerifyLayer::new(secret()).clock(At(NOW))
}

/// Returns the headers of a valid delivery of `body`.
pub fn signed(body: &[u8]) -> HeaderMap {
    sender().headers(ID, NOW, body)
}

#[track_caller]
pub fn assert_accepted(outcome: &Outcome, body: &[u8]) {
    assert_eq!(outcome.status, StatusCode::OK, "{:?}", outcome.rejection);
    let [call] = &outcome.calls[..] else {
        panic!("{} calls", outcome.calls.len());
    };
    assert_eq!(call.body, body);
    assert_eq!(call.event.payload(), body);
    assert_eq!(call.trailers, None);
}

#[track_caller]
pub fn assert_rejected(outcome: &Outcome, rejection: Rejection) {
    assert!(outcome.calls.is_empty());
    assert_eq!(outcome.rejection, Some(rejection));
    assert_eq!(outcome.status, rejection.status());
}
