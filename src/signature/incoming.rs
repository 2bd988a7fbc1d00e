//! A delivery while its body arrives, up to the verdict.

use std::mem;

use bytes::{Buf, Bytes};
use http::HeaderValue;

use super::check::Check;
use super::envelope::Envelope;
use super::error::VerifyError;
use super::event::VerifiedEvent;
use super::keyring::{KeySet, Keyring};
use super::payload::Payload;
use super::policy::Policy;

/// What has arrived of a delivery whose headers hold, and how far the search for the key that signed it has come.
pub(crate) struct Reception {
    envelope: Envelope,
    keys: Option<KeySet>,
    /// Whether the keys are anyone's: decoys vouch for nothing.
    are_genuine: bool,
    payload: Payload,
    /// What has arrived after the first part of the body, and is not in `payload` yet.
    arriving: Bytes,
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

impl Reception {
    /// Waits for a body, in vain as long as there are no [keys](Self::try_keys).
    #[inline]
    pub(crate) fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            keys: None,
            are_genuine: false,
            payload: Payload::default(),
            arriving: Bytes::new(),
            claimed_len: 0,
            trial: None,
        }
    }

    /// Verifies with these keys.
    #[inline]
    pub(crate) fn try_keys(&mut self, keyring: &Keyring) {
        self.are_genuine = true;
        self.set_keys(keyring);
    }

    /// Goes through the motions with keys that stand in for those of nobody: it takes the time that it would with them,
    /// and ends in a refusal.
    pub(crate) fn try_decoy(&mut self, decoy: &Keyring) {
        self.are_genuine = false;
        self.set_keys(decoy);
    }

    #[inline]
    fn set_keys(&mut self, keyring: &Keyring) {
        self.trial = None;
        self.keys = Some(keyring.snapshot());
        self.start_trial(0, 0);
    }

    /// Takes note of the length that the sender claims for the whole body, in bytes, to allocate with foresight.
    pub(crate) fn expect_len(&mut self, claimed: usize) {
        self.claimed_len = claimed;
    }

    /// How many bytes of the body have arrived.
    pub(crate) fn received(&self) -> usize {
        self.payload.as_slice().len() + self.arriving.len()
    }

    /// Adds the next part of the body, once the part before has gone through [`advance`](Self::advance).
    #[inline]
    pub(crate) fn receive(&mut self, mut chunk: impl Buf) {
        if self.payload.as_slice().is_empty() {
            self.payload.push(chunk, self.claimed_len);
        } else {
            debug_assert!(self.arriving.is_empty(), "the part before has gone through");
            self.arriving = chunk.copy_to_bytes(chunk.remaining());
        }
    }

    /// Adds the next part of the body, and hashes all of it.
    pub(super) fn update(&mut self, chunk: impl Buf) {
        self.payload.push(chunk, self.claimed_len);
        self.advance(usize::MAX);
    }

    /// Copies and hashes at most `budget` of the received bytes that are not hashed yet, and returns how many those
    /// were. To copy takes longer than to hash where the memory is new.
    #[inline]
    pub(crate) fn advance(&mut self, budget: usize) -> usize {
        let copied = self.arriving.len().min(budget);
        if copied > 0 {
            self.payload
                .push(self.arriving.split_to(copied), self.claimed_len);
        }
        let Some(trial) = &mut self.trial else {
            return copied;
        };
        let rest = &self.payload.as_slice()[trial.checked..];
        let next = &rest[..rest.len().min(budget)];
        trial.check.update(next);
        trial.checked += next.len();
        next.len()
    }

    /// The verdict on a body that has ended, or `None` if there is more to [go through](Self::advance) first: the rest of the
    /// body, or all of it once more with the next key.
    #[inline]
    pub(crate) fn conclude(
        &mut self,
        policy: &Policy,
    ) -> Option<Result<VerifiedEvent, VerifyError>> {
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
            let unix_seconds = self.envelope.timestamp.unix_seconds();
            // Once more, since whoever replays a delivery may have let its body wait.
            if let Err(error) = policy.check_time(unix_seconds) {
                return Some(Err(error));
            }
            return Some(Ok(VerifiedEvent {
                id: mem::replace(&mut self.envelope.id, HeaderValue::from_static("")),
                unix_seconds,
                payload: mem::take(&mut self.payload).into_bytes(),
                key_index,
                keyring_name: self.keys.take().and_then(|keys| keys.name),
                header_family: self.envelope.family,
            }));
        }
        self.start_trial(key_index, attempt + 1);
        None
    }

    /// Starts the first pass that is left, from this attempt with this key on.
    fn start_trial(&mut self, first_key: usize, first_attempt: usize) {
        let mut attempt = first_attempt;
        let keys = self.keys.iter().flat_map(|keys| &*keys.secrets);
        for (key_index, key) in keys.enumerate().skip(first_key) {
            if let Some(check) = key.check(&self.envelope, attempt) {
                let trial = self.trial.insert(Trial {
                    key_index,
                    attempt,
                    check,
                    checked: 0,
                });
                let Envelope { id, timestamp, .. } = &self.envelope;
                for part in [id.as_bytes(), b".", timestamp.as_bytes(), b"."] {
                    trial.check.update(part);
                }
                return;
            }
            attempt = 0;
        }
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

    /// Any time is fine.
    fn policy() -> Policy {
        Policy {
            tolerance: None,
            ..Policy::default()
        }
    }

    /// The verdict on [`BODY`] under these keys.
    fn verdict(
        signatures: &str,
        set_keys: impl FnOnce(&mut Reception),
    ) -> Result<VerifiedEvent, VerifyError> {
        let mut reception = Reception::new(policy().admit(&headers(signatures)).unwrap());
        set_keys(&mut reception);
        reception.receive(BODY);
        loop {
            reception.advance(usize::MAX);
            if let Some(verdict) = reception.conclude(&policy()) {
                return verdict;
            }
        }
    }

    #[test]
    fn an_unknown_tenant_costs_as_many_macs_as_one_with_a_wrong_key() {
        let key = Keyring::from(Secret::from_bytes(&[1; 24]).unwrap());
        let known = macs_of(|| verdict(FORGED, |reception| reception.try_keys(&key)));
        let unknown = macs_of(|| verdict(FORGED, |reception| reception.try_decoy(&key)));
        for (macs, verdict) in [known, unknown] {
            assert_eq!(verdict.unwrap_err(), VerifyError::SignatureMismatch);
            assert_eq!(macs, 1);
        }
    }

    #[test]
    fn a_verdict_waits_until_all_that_arrived_is_hashed() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let mut reception = Reception::new(policy().admit(&headers(GENUINE)).unwrap());
        reception.try_keys(&Keyring::from(secret));
        reception.receive(&BODY[..8]);
        assert_eq!(reception.advance(usize::MAX), 8);
        reception.receive(&BODY[8..]);
        let verdict = loop {
            if let Some(verdict) = reception.conclude(&policy()) {
                break verdict;
            }
            assert!(reception.advance(1) > 0, "all is hashed, and no verdict");
        };
        assert!(verdict.is_ok());
    }

    #[test]
    fn a_decoy_vouches_for_nothing() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let key = Keyring::from(secret);
        assert!(verdict(GENUINE, |reception| reception.try_keys(&key)).is_ok());
        assert_eq!(
            verdict(GENUINE, |reception| reception.try_decoy(&key)).unwrap_err(),
            VerifyError::SignatureMismatch
        );
    }

    #[test]
    fn without_keys_nothing_is_verified() {
        assert_eq!(
            verdict(GENUINE, |_| ()).unwrap_err(),
            VerifyError::SignatureMismatch
        );
    }
}
