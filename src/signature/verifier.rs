//! Verification without Tower.

use http::{HeaderMap, HeaderValue};

use super::error::VerifyError;
use super::event::VerifiedEvent;
use super::headers::SignatureHeaders;
use super::incoming::IncomingDelivery;
use super::keys::{IntoKeyring, Keyring};
use super::policy::{Now, Policy, define_policy_setters};
use super::search::Search;
use super::verification::Verification;

/// Verifies deliveries where there is no Tower service, such as in a queue worker.
///
/// [`SvixVerifyLayer`](crate::SvixVerifyLayer) uses the same code; prefer it in front of a service.
///
/// A delivery is verified if its headers are complete and in their proper form, its timestamp is within the tolerance of
/// the clock, and one of the listed signatures was made with one of the keys. The checks run in this order. A list with no
/// signature of a form that one of the keys makes is rejected before the body is there.
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
///     Err(VerifyError::NoHeaders),
/// );
/// # Ok::<(), tower_svix::KeyError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Verifier {
    keyring: Keyring,
    policy: Policy,
}

impl Verifier {
    /// Verifies with these keys: whatever converts into a [`Keyring`].
    pub fn new(keys: impl IntoKeyring) -> Self {
        Self {
            keyring: keys.into_keyring(),
            policy: Policy::default(),
        }
    }

    define_policy_setters!(policy);

    /// Verifies a delivery whose body has arrived. The payload of the event is a copy of `body`.
    ///
    /// # Errors
    ///
    /// The first check that fails: see [`VerifyError`].
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<VerifiedEvent, VerifyError> {
        let mut now = Now::default();
        let (headers, mut delivery) = self.admit(headers, &mut now)?;
        delivery.receive(body);
        delivery.finish(&headers, &self.policy, &mut now)
    }

    /// Starts to verify a delivery whose body is still to come, after all checks that the headers allow.
    ///
    /// # Errors
    ///
    /// The first check that fails: see [`VerifyError`]. There is no need to read the body then.
    pub fn start(&self, headers: &HeaderMap) -> Result<Verification, VerifyError> {
        let (headers, delivery) = self.admit(headers, &mut Now::default())?;
        let policy = self.policy.clone();
        Ok(Verification::new(policy, headers.keep(), delivery))
    }

    fn admit<'h>(
        &self,
        headers: &'h HeaderMap,
        now: &mut Now,
    ) -> Result<(SignatureHeaders<&'h HeaderValue>, IncomingDelivery), VerifyError> {
        let headers = self.policy.admit(headers, now)?;
        let mut delivery = IncomingDelivery::default();
        delivery.search(Search::among(&self.keyring));
        if !delivery.can_succeed(&headers) {
            return Err(VerifyError::NoSupportedSignature);
        }
        Ok((headers, delivery))
    }

    pub(crate) fn into_parts(self) -> (Keyring, Policy) {
        (self.keyring, self.policy)
    }
}
