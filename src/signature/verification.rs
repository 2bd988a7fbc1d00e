//! The check of one delivery, from its headers to the proof.

use std::fmt;
use std::iter;
use std::mem;

use bytes::Buf;

use super::check::Check;
use super::envelope::Envelope;
use super::error::VerifyError;
use super::event::VerifiedEvent;
use super::keyring::{KeySet, Keyring};
use super::payload::Payload;
use super::policy::Policy;

/// A delivery whose headers hold, and whose body is arriving.
///
/// Made by [`Verifier::start`](crate::Verifier::start). It keeps the body, because the event that it ends in holds exactly the bytes that were
/// verified. It sets no limit to their number: a caller that reads from the network must.
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
pub struct Verification {
    policy: Policy,
    envelope: Envelope,
    keys: KeySet,
    /// Whether the keys are anyone's: decoys vouch for nothing.
    are_genuine: bool,
    payload: Payload,
    claimed_len: usize,
    /// The pass over the body that is under way; `None` once none is left.
    trial: Option<Trial>,
}

/// One of the passes over the body: with each key one, and with a public key one for each signature.
struct Trial {
    key_index: usize,
    attempt: usize,
    check: Check,
    /// How many bytes of the payload went through `check`.
    checked: usize,
}

impl Verification {
    pub(crate) fn start(policy: Policy, envelope: Envelope, keyring: &Keyring) -> Self {
        Self::new(policy, envelope, keyring, true)
    }

    /// Starts with keys that stand in for those of nobody: it takes the time that it would with them, and ends in a
    /// refusal.
    pub(crate) fn start_with_decoy(policy: Policy, envelope: Envelope, decoy: &Keyring) -> Self {
        Self::new(policy, envelope, decoy, false)
    }

    fn new(policy: Policy, envelope: Envelope, keyring: &Keyring, are_genuine: bool) -> Self {
        let keys = keyring.snapshot();
        let trial = Trial::first_from(0, 0, &keys, &envelope);
        Self {
            policy,
            envelope,
            keys,
            are_genuine,
            payload: Payload::default(),
            claimed_len: 0,
            trial,
        }
    }

    /// Adds the next part of the body, and hashes it.
    pub fn update(&mut self, chunk: impl Buf) {
        self.receive(chunk);
        self.hash(usize::MAX);
    }

    /// Ends the body, and tells whether the delivery is genuine.
    ///
    /// # Errors
    ///
    /// [`VerifyError::SignatureMismatch`] if it is not.
    pub fn finish(mut self) -> Result<VerifiedEvent, VerifyError> {
        loop {
            self.hash(usize::MAX);
            if let Some(verdict) = self.conclude() {
                return verdict;
            }
        }
    }

    /// Takes note of the length that the sender claims for the whole body, in bytes, to allocate with foresight.
    pub(crate) fn expect_len(&mut self, claimed: usize) {
        self.claimed_len = claimed;
    }

    /// How many bytes of the body have arrived.
    pub(crate) fn received(&self) -> usize {
        self.payload.as_slice().len()
    }

    /// Adds the next part of the body without hashing it.
    pub(crate) fn receive(&mut self, chunk: impl Buf) {
        self.payload.push(chunk, self.claimed_len);
    }

    /// Hashes at most `budget` of the received bytes that are not hashed yet, and returns how many those were.
    pub(crate) fn hash(&mut self, budget: usize) -> usize {
        let Some(trial) = &mut self.trial else {
            return 0;
        };
        let rest = &self.payload.as_slice()[trial.checked..];
        let next = &rest[..rest.len().min(budget)];
        trial.check.update(next);
        trial.checked += next.len();
        next.len()
    }

    /// The verdict on a body that has ended, or `None` if there is more to [`hash`](Self::hash) first: the rest of the
    /// body, or all of it once more with the next key.
    pub(crate) fn conclude(&mut self) -> Option<Result<VerifiedEvent, VerifyError>> {
        let received = self.received();
        let Some(trial) = &mut self.trial else {
            return Some(Err(VerifyError::SignatureMismatch));
        };
        if trial.checked < received {
            return None;
        }
        let (key_index, attempt) = (trial.key_index, trial.attempt);
        let is_match = trial.check.holds(&self.envelope);
        // What a check leaves behind is as good as the key: it is replaced where it is, not moved, so that it is wiped.
        self.trial = None;
        if is_match && self.are_genuine {
            return Some(self.verified(key_index));
        }
        self.trial = Trial::first_from(key_index, attempt + 1, &self.keys, &self.envelope);
        None
    }

    fn verified(&mut self, key_index: usize) -> Result<VerifiedEvent, VerifyError> {
        // Once more, since whoever replays a delivery may have let its body wait.
        self.policy.check_time(&self.envelope)?;
        Ok(VerifiedEvent {
            id: self.envelope.id.clone(),
            unix_seconds: self.envelope.unix_seconds,
            payload: mem::take(&mut self.payload).into_bytes(),
            key_index,
            keyring_name: self.keys.name.clone(),
            header_family: self.envelope.family,
        })
    }
}

impl Trial {
    /// The first pass that is left, from this attempt with this key on.
    fn first_from(
        first_key: usize,
        first_attempt: usize,
        keys: &KeySet,
        envelope: &Envelope,
    ) -> Option<Self> {
        let keys = keys.secrets.iter().enumerate().skip(first_key);
        keys.zip(iter::once(first_attempt).chain(iter::repeat(0)))
            .find_map(|((key_index, key), attempt)| {
                let check = key.check(envelope, attempt)?;
                Some(Self {
                    key_index,
                    attempt,
                    check,
                    checked: 0,
                })
            })
    }
}

/// Tells how much has arrived, and nothing of what it is.
impl fmt::Debug for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verification")
            .field("received", &self.received())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::hmac::tests::STARTED;
    use super::super::{Secret, VerifyError};
    use super::*;
    use crate::Verifier;
    use http::HeaderMap;

    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    /// Over [`BODY`], under `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`: the vector that Standard Webhooks publishes.
    const GENUINE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const FORGED: &str = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn headers(signatures: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            "webhook-id",
            "msg_p5jXN8AQM9LWM0D4loKWxJek".parse().unwrap(),
        );
        headers.insert("webhook-timestamp", "1614265330".parse().unwrap());
        headers.insert("webhook-signature", signatures.parse().unwrap());
        headers
    }

    /// Eight keys, of which the one at `position` made [`GENUINE`].
    fn verifier_with_key_at(position: usize) -> Verifier {
        let mut keys: Vec<Secret> = (1..8)
            .map(|byte| Secret::from_bytes(&[byte; 24]).unwrap())
            .collect();
        keys.insert(
            position,
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap(),
        );
        Verifier::new(keys).insecure_ignore_timestamp()
    }

    fn macs_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
        let before = STARTED.get();
        let result = work();
        (STARTED.get() - before, result)
    }

    #[test]
    fn a_genuine_delivery_costs_the_macs_up_to_its_key() {
        for position in 0..8 {
            let verifier = verifier_with_key_at(position);
            let (macs, event) = macs_of(|| verifier.verify(&headers(GENUINE), BODY));
            assert_eq!(event.unwrap().key_index(), position);
            assert_eq!(macs, position + 1);
        }
    }

    #[test]
    fn a_forged_delivery_costs_one_mac_for_each_key_however_many_signatures_it_lists() {
        let verifier = verifier_with_key_at(0);
        for listed in [1, 2, 300] {
            let list = vec![FORGED; listed].join(" ");
            let (macs, verdict) = macs_of(|| verifier.verify(&headers(&list), BODY));
            assert_eq!(verdict.unwrap_err(), VerifyError::SignatureMismatch);
            assert_eq!(macs, 8);
        }
    }

    #[test]
    fn a_delivery_without_a_signature_to_compare_with_costs_no_mac() {
        let (macs, verdict) = macs_of(|| verifier_with_key_at(0).verify(&headers("v2,AAAA"), BODY));
        assert_eq!(verdict.unwrap_err(), VerifyError::NoSupportedSignature);
        assert_eq!(macs, 0);
    }

    fn anytime() -> Policy {
        Policy {
            tolerance: None,
            ..Policy::default()
        }
    }

    #[test]
    fn an_unknown_tenant_costs_as_many_macs_as_one_with_a_wrong_key() {
        let key = Keyring::from(Secret::from_bytes(&[1; 24]).unwrap());
        for are_genuine in [true, false] {
            let (macs, verdict) = macs_of(|| {
                let envelope = anytime().admit(&headers(FORGED)).unwrap();
                let mut verification = Verification::new(anytime(), envelope, &key, are_genuine);
                verification.update(BODY);
                verification.finish()
            });
            assert_eq!(verdict.unwrap_err(), VerifyError::SignatureMismatch);
            assert_eq!(macs, 1);
        }
    }

    #[test]
    fn a_decoy_vouches_for_nothing() {
        let decoy: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let envelope = anytime().admit(&headers(GENUINE)).unwrap();
        let mut verification = Verification::start_with_decoy(anytime(), envelope, &decoy.into());
        verification.update(BODY);
        assert_eq!(
            verification.finish().unwrap_err(),
            VerifyError::SignatureMismatch
        );
    }
}
