//! Payloads as types.
//!
//! [`Envelope`] is what [Standard Webhooks] recommends for every payload: a `type`, a `timestamp` and `data`. Give it the
//! type of the data, and parse a [`VerifiedEvent`](crate::VerifiedEvent) into it. Whatever else stands beside these three
//! is kept: a sender adds fields before its receivers know them.
//!
//! # Example
//!
//! ```
//! use serde::Deserialize;
//! use tower_svix::events::Envelope;
//! use tower_svix::{PayloadError, VerifiedEvent};
//!
//! #[derive(Deserialize)]
//! struct Invoice {
//!     amount_cents: u64,
//! }
//!
//! fn receive(event: &VerifiedEvent) -> Result<(), PayloadError> {
//!     let paid: Envelope<Invoice> = event.json()?;
//!     println!("{} at {}: {}", paid.event_type, paid.timestamp, paid.data.amount_cents);
//!     Ok(())
//! }
//! ```
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#payload-structure

mod envelope;
#[cfg(feature = "pulse")]
#[cfg_attr(docsrs, doc(cfg(feature = "pulse")))]
pub mod pulse;

pub use self::envelope::Envelope;
