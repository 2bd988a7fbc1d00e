//! Verification without Tower.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use super::envelope::HeaderFamily;
use super::error::VerifyError;
use super::event::VerifiedEvent;
use super::keyring::Keyring;
use super::policy::Policy;
use super::reception::Reception;
use super::verification::Verification;
use crate::clock::Clock;

/// Verifies deliveries where there is no Tower service, such as in a queue worker.
///
/// [`SvixVerifyLayer`](crate::SvixVerifyLayer) uses the same code; prefer it in front of a service.
///
/// A delivery is verified if its headers are complete and in their proper form, its timestamp is within the tolerance of
/// the clock, and one of the listed signatures was made with one of the keys. The checks run in this order.
///
/// # Example
///
/// ```
/// use http::HeaderMap;
/// use tower_svix::{Secret, VerifiedEvent, Verifier, VerifyError};
///
/// fn receive(verifier: &Verifier, headers: &HeaderMap, body: &[u8]) -> Result<(), VerifyError> {
///     let event: VerifiedEvent = verifier.verify(headers, body)?;
///     println!("{} is genuine", event.id());
///     Ok(())
/// }
///
/// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// let verifier = Verifier::new(secret);
/// assert_eq!(
///     receive(&verifier, &HeaderMap::new(), b"{}"),
///     Err(VerifyError::MissingHeader("webhook-id")),
/// );
/// # Ok::<(), tower_svix::SecretError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Verifier {
    keyring: Keyring,
    policy: Policy,
}

impl Verifier {
    /// Verifies with a [`Secret`](crate::Secret), several of them, or a [`Keyring`].
    pub fn new(keys: impl Into<Keyring>) -> Self {
        Self {
            keyring: keys.into(),
            policy: Policy::default(),
        }
    }

    /// How far a timestamp may be from now, in the past and in the future, bounds included. Default: 300 seconds.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.policy.tolerance = Some(tolerance);
        self
    }

    /// Accepts deliveries of any age, without reading the clock. The timestamp must still be there and be signed.
    ///
    /// Whoever captured a delivery once can then replay it for ever: use it for archived deliveries only.
    pub fn insecure_ignore_timestamp(mut self) -> Self {
        self.policy.tolerance = None;
        self
    }

    /// Reads the headers of this family only. Default: whichever family is complete, `svix-*` first.
    pub fn header_family(mut self, family: HeaderFamily) -> Self {
        self.policy.header_family = Some(family);
        self
    }

    /// Accepts ids that contain a full stop.
    ///
    /// The signature covers `id.timestamp.body`. With a full stop in the id, whoever captured one delivery can split that
    /// text in another place, into an id, a timestamp and a body that nobody signed. Use it only for a sender whose ids
    /// have always contained one.
    pub fn insecure_allow_dotted_ids(mut self) -> Self {
        self.policy.allow_dotted_ids = true;
        self
    }

    /// The clock that timestamps are compared with. Default: [`SystemClock`](crate::SystemClock).
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.policy.clock = Arc::new(clock);
        self
    }

    /// Verifies a delivery whose body has arrived. The payload of the event is a copy of `body`.
    ///
    /// # Errors
    ///
    /// The first check that fails: see [`VerifyError`].
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<VerifiedEvent, VerifyError> {
        let mut verification = self.start(headers)?;
        verification.update(body);
        verification.finish()
    }

    /// Starts to verify a delivery whose body is still to come, after all checks that the headers allow.
    ///
    /// # Errors
    ///
    /// The first check that fails: see [`VerifyError`]. There is no need to read the body then.
    pub fn start(&self, headers: &HeaderMap) -> Result<Verification, VerifyError> {
        let mut reception = Reception::new(self.policy.admit(headers)?);
        reception.try_keys(&self.keyring);
        Ok(Verification::new(self.policy.clone(), reception))
    }

    pub(crate) fn into_parts(self) -> (Keyring, Policy) {
        (self.keyring, self.policy)
    }
}
