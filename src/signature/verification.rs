//! Verification of a body that arrives in parts.

use std::fmt;

use bytes::Buf;

use super::error::VerifyError;
use super::event::VerifiedEvent;
use super::headers::SignatureHeaders;
use super::incoming::IncomingDelivery;
use super::policy::{Now, Policy};

/// A delivery whose headers passed their checks, and whose body is still arriving.
///
/// [`Verifier::start`](crate::Verifier::start) returns it, [`update`](Self::update) adds a part of the body, and
/// [`finish`](Self::finish) returns the verdict.
///
/// It keeps the whole body in memory, because the resulting [`VerifiedEvent`] contains exactly the bytes that were
/// verified. It does not limit the size of the body: a caller that reads from the network must do that.
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
///     chunks: impl IntoIterator<Item = Vec<u8>>,
/// ) -> Result<VerifiedEvent, VerifyError> {
///     let mut verification = verifier.start(headers)?;
///     for chunk in chunks {
///         verification.update(&*chunk);
///     }
///     verification.finish()
/// }
/// #
/// # use tower_svix::{Secret, test_util::SignedRequest};
/// # let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// # let request = SignedRequest::new(secret.clone()).body("two parts").build();
/// # let event = receive(&Verifier::new(secret), request.headers(), [b"two ".to_vec(), b"parts".to_vec()]);
/// # assert_eq!(event.unwrap().payload(), "two parts");
/// # Ok::<(), tower_svix::KeyError>(())
/// ```
#[must_use = "nothing is verified until `finish` is called"]
pub struct Verification {
    policy: Policy,
    headers: SignatureHeaders,
    /// Boxed from the start: a move would leave behind a copy of the state of the MAC, which is as good as the key.
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

    /// Ends the body, and returns the event if the delivery is valid.
    ///
    /// # Errors
    ///
    /// Returns [`VerifyError::SignatureMismatch`] if none of the listed signatures is valid. If one is, the timestamp
    /// is checked again: returns the same errors of time as [`Verifier::start`](crate::Verifier::start) if it is no
    /// longer within the tolerance.
    pub fn finish(mut self) -> Result<VerifiedEvent, VerifyError> {
        let mut now = Now::default();
        self.delivery.finish(&self.headers, &self.policy, &mut now)
    }
}

/// Shows how many bytes have arrived, but none of them.
impl fmt::Debug for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verification")
            .field("received", &self.delivery.received())
            .finish_non_exhaustive()
    }
}
