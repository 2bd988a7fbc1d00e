//! The check of one delivery, from its headers to the proof.

use std::fmt;
use std::mem;
use std::sync::LazyLock;

use bytes::Buf;

use super::check::Check;
use super::envelope::Envelope;
use super::error::VerifyError;
use super::event::VerifiedEvent;
use super::keyring::{KeySet, Keyring};
use super::payload::Payload;
use super::secret::Secret;

/// A delivery whose headers hold, and whose body is arriving.
///
/// Made by [`Verifier::start`]. It keeps the body, because the event that it ends in holds exactly the bytes that were
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
    envelope: Envelope,
    keys: KeySet,
    decoys: &'static [Secret],
    payload: Payload,
    claimed_len: usize,
    /// The pass over the body that is under way; `None` once none is left.
    trial: Option<Trial>,
}

/// One of the passes over the body: with each key one, and with a public key one for each signature.
struct Trial {
    /// The position among the keys, and the decoys behind them.
    candidate: usize,
    attempt: usize,
    check: Check,
    /// How many bytes of the payload went through `check`.
    checked: usize,
}

impl Verification {
    /// Starts with the first key, or refuses at once if no signature is listed that one of the keys could have made.
    pub(crate) fn start(envelope: Envelope, keyring: &Keyring) -> Result<Self, VerifyError> {
        let verification = Self::new(envelope, keyring.snapshot(), &[]);
        match verification.trial {
            Some(_) => Ok(verification),
            None if verification.keys.secrets.is_empty() => Err(VerifyError::SignatureMismatch),
            None => Err(VerifyError::NoSupportedSignature),
        }
    }

    /// Starts with the first key, and goes on with a decoy for each scheme that there is no key of.
    ///
    /// So the time of a refusal tells a prober neither whether the tenant exists nor which scheme it uses.
    pub(crate) fn start_with_decoys(envelope: Envelope, keyring: Option<&Keyring>) -> Self {
        let keys = keyring.map(Keyring::snapshot).unwrap_or_default();
        Self::new(envelope, keys, &DECOYS)
    }

    fn new(envelope: Envelope, keys: KeySet, decoys: &'static [Secret]) -> Self {
        let mut verification = Self {
            envelope,
            keys,
            decoys,
            payload: Payload::default(),
            claimed_len: 0,
            trial: None,
        };
        verification.trial = verification.next_trial(0, 0);
        verification
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
        let Some(trial) = self
            .trial
            .take_if(|trial| trial.checked == self.payload.as_slice().len())
        else {
            return self
                .trial
                .is_none()
                .then_some(Err(VerifyError::SignatureMismatch));
        };
        // A decoy is known to everyone: whatever it says, it never vouches for a delivery.
        let is_key = trial.candidate < self.keys.secrets.len();
        if trial.check.finish(&self.envelope) && is_key {
            return Some(Ok(VerifiedEvent {
                id: self.envelope.id.clone(),
                unix_seconds: self.envelope.unix_seconds,
                payload: mem::take(&mut self.payload).into_bytes(),
                key_index: trial.candidate,
                keyring_name: self.keys.name.clone(),
                header_family: self.envelope.family,
            }));
        }
        self.trial = self.next_trial(trial.candidate, trial.attempt + 1);
        None
    }

    /// The first pass that is left, from the given one on.
    fn next_trial(&self, first_candidate: usize, first_attempt: usize) -> Option<Trial> {
        let keys = self.keys.secrets.iter();
        let is_needed = |decoy: &&Secret| {
            !self
                .keys
                .secrets
                .iter()
                .any(|key| key.is_of_same_scheme_as(decoy))
        };
        let candidates = keys.chain(self.decoys.iter().filter(is_needed)).enumerate();
        candidates
            .skip(first_candidate)
            .find_map(|(candidate, secret)| {
                let attempt = if candidate == first_candidate {
                    first_attempt
                } else {
                    0
                };
                let check = secret.check(&self.envelope, attempt)?;
                Some(Trial {
                    candidate,
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

/// A key of each scheme, to do the same work with where a keyring has none.
static DECOYS: LazyLock<Vec<Secret>> = LazyLock::new(|| {
    let texts = [
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        // The base point of the curve.
        #[cfg(feature = "ed25519")]
        "whpk_WGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY=",
    ];
    texts
        .iter()
        .map(|text| text.parse().expect("the decoys are keys"))
        .collect()
});
