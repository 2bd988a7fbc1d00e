//! Verification in parts, while the body arrives.

use std::fmt;

use bytes::Buf;

use super::error::VerifyError;
use super::event::VerifiedEvent;
use super::headers::SignatureHeaders;
use super::incoming::IncomingDelivery;
use super::policy::{Now, Policy};

/// A delivery whose headers are valid, and whose body is arriving.
///
/// Made by [`Verifier::start`](crate::Verifier::start). It keeps the body, because the event that it ends in holds
/// exactly the bytes that were verified. It sets no limit to their number: a caller that reads from the network must.
///
/// # Example
///
/// ```
/// use http::HeaderMap;
/// use tower_svix::{VerifiedEvent, Verifier, VerifyError};
///
/// fn receive(
///     verifier: &Verifier,
///     headers: &HeaderMap,
///     chunks: impl Iterator<Item = Vec<u8>>,
/// ) -> Result<VerifiedEvent, VerifyError> {
///     let mut verification = verifier.start(headers)?;
///     for chunk in chunks {
///         verification.update(&*chunk);
///     }
///     verification.finish()
/// }
/// ```
#[must_use = "nothing is verified before it is finished"]
pub struct Verification {
    policy: Policy,
    headers: SignatureHeaders,
    /// In one place from the start: a move would leave a copy of the state of the MAC behind, which is as good as the key.
    delivery: Box<IncomingDelivery>,
}

impl Verification {
    pub(super) fn new(
        policy: Policy,
        headers: SignatureHeaders,
        mut delivery: IncomingDelivery,
    ) -> Self {
        delivery.keep();
        Self {
            policy,
            headers,
            delivery: Box::new(delivery),
        }
    }

    /// Adds the next part of the body, and hashes it.
    pub fn update(&mut self, chunk: impl Buf) {
        self.delivery.update(&self.headers, chunk);
    }

    /// Ends the body, and tells whether the delivery is genuine.
    ///
    /// # Errors
    ///
    /// [`VerifyError::SignatureMismatch`] if it is not. What [`Verifier::start`](crate::Verifier::start) says of the
    /// time, if that has run out since.
    pub fn finish(mut self) -> Result<VerifiedEvent, VerifyError> {
        let mut now = Now::default();
        self.delivery.finish(&self.headers, &self.policy, &mut now)
    }
}

/// Tells how much has arrived, and nothing of what it is.
impl fmt::Debug for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verification")
            .field("received", &self.delivery.received())
            .finish_non_exhaustive()
    }
}
