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

/// A verifier of deliveries for programs without Tower, such as queue workers and servers on actix-web.
///
/// It takes the headers and the body of a delivery, and returns a [`VerifiedEvent`]. In front of a Tower service, use
/// [`SvixVerifyLayer`](crate::SvixVerifyLayer), which runs the same checks.
///
/// A delivery is valid if it passes these checks, in this order:
///
/// 1. The three headers of one [`HeaderFamily`](crate::HeaderFamily) are present, each once and well-formed.
/// 2. The timestamp is within the [`tolerance`](Self::tolerance) of the [`clock`](Self::clock).
/// 3. At least one listed signature has a form that one of the keys makes. This check needs no body.
/// 4. One of the listed signatures was made with one of the keys, over `id.timestamp.body`.
///
/// # Example
///
/// ```
/// use http::HeaderMap;
/// use tower_svix::test_util::ManualClock;
/// use tower_svix::{Secret, VerifiedEvent, Verifier, VerifyError};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// // The delivery is from 2021, so this example sets the clock, with the feature `test-util`.
/// let verifier = Verifier::new(secret).clock(ManualClock::new(1_614_265_330));
///
/// let mut headers = HeaderMap::new();
/// headers.insert("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".parse()?);
/// headers.insert("webhook-timestamp", "1614265330".parse()?);
/// headers.insert("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".parse()?);
///
/// let event: VerifiedEvent = verifier.verify(&headers, br#"{"test": 2432232314}"#)?;
/// assert_eq!(event.id(), "msg_p5jXN8AQM9LWM0D4loKWxJek");
///
/// let error = verifier.verify(&headers, b"another body").unwrap_err();
/// assert_eq!(error, VerifyError::SignatureMismatch);
/// # Ok(())
/// # }
/// ```
///
/// For a body that arrives in parts, see [`Verification`].
///
/// # Headers of another type
///
/// The methods take the [`HeaderMap`] of `http` 1. actix-web 4 and reqwest 0.11 are built on `http` 0.2, whose types are
/// different ones, and a queue may carry plain strings. Copy the headers by name and value:
///
/// ```
/// use http::{HeaderMap, HeaderName, HeaderValue};
/// use tower_svix::{VerifiedEvent, Verifier};
///
/// fn verify<'h, V: AsRef<[u8]>>(
///     verifier: &Verifier,
///     headers: impl IntoIterator<Item = (&'h str, V)>,
///     body: &[u8],
/// ) -> Result<VerifiedEvent, Box<dyn std::error::Error>> {
///     let mut map = HeaderMap::new();
///     for (name, value) in headers {
///         // `append` keeps a repeated header, so that it is rejected.
///         map.append(HeaderName::try_from(name)?, HeaderValue::from_bytes(value.as_ref())?);
///     }
///     Ok(verifier.verify(&map, body)?)
/// }
///
/// # use tower_svix::{Secret, test_util::ManualClock};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// # let verifier = Verifier::new(secret).clock(ManualClock::new(1_614_265_330));
/// # let (id, timestamp) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330");
/// # let signatures = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
/// # let body = br#"{"test": 2432232314}"#;
/// // Three values of type `&str`:
/// let headers = [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signatures)];
/// let event = verify(&verifier, headers, body)?;
/// # let mut twice = headers.to_vec();
/// # twice.push(headers[0]);
/// # assert!(verify(&verifier, twice, body).is_err());
/// # Ok(())
/// # }
/// ```
///
/// With actix-web 4, the argument `headers` is
/// `request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()))`. The same line works for the
/// `HeaderMap` of `http` 0.2.
#[doc(alias = "hmac")]
#[doc(alias = "standard webhooks")]
#[doc(alias = "svix")]
#[doc(alias = "webhook")]
#[derive(Clone, Debug)]
#[must_use]
pub struct Verifier {
    keyring: Keyring,
    policy: Policy,
}

impl Verifier {
    /// Creates a verifier that accepts signatures of these keys: a [`Secret`](crate::Secret), a [`Keyring`], or
    /// anything else that converts into a [`Keyring`].
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
    /// Returns the first check that failed, as a [`VerifyError`].
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<VerifiedEvent, VerifyError> {
        let mut now = Now::default();
        let (headers, mut delivery) = self.admit(headers, &mut now)?;
        delivery.receive(body);
        delivery.finish(&headers, &self.policy, &mut now)
    }

    /// Starts to verify a delivery whose body has not arrived yet. Runs all checks that need only the headers.
    ///
    /// See [`Verification`] for an example.
    ///
    /// # Errors
    ///
    /// Returns the first check that failed, as a [`VerifyError`]. The body need not be read then.
    #[doc(alias = "streaming")]
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
