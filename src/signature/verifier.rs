//! The order of the checks, from the headers to the proof.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use http::HeaderMap;

use super::envelope::{Envelope, HeaderFamily};
use super::error::VerifyError;
use super::event::VerifiedEvent;
use super::hmac::{self, HmacState, Tag};
use super::keyring::{KeySet, Keyring};
use super::payload::Payload;
use super::timestamp;
use crate::clock::{Clock, SystemClock};

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
    /// `None`: the timestamp is signed, but not compared with the clock.
    tolerance: Option<Duration>,
    header_family: Option<HeaderFamily>,
    allow_dotted_ids: bool,
    clock: Arc<dyn Clock>,
}

impl Verifier {
    /// The tolerance of [`tolerance`](Self::tolerance) unless it is set: five minutes.
    pub const DEFAULT_TOLERANCE: Duration = Duration::from_secs(300);

    /// Verifies with a [`Secret`](crate::Secret), several of them, or a [`Keyring`].
    pub fn new(keys: impl Into<Keyring>) -> Self {
        Self {
            keyring: keys.into(),
            tolerance: Some(Self::DEFAULT_TOLERANCE),
            header_family: None,
            allow_dotted_ids: false,
            clock: Arc::new(SystemClock),
        }
    }

    /// How far a timestamp may be from now, in the past and in the future, bounds included. Default: 300 seconds.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// Accepts deliveries of any age, without reading the clock. The timestamp must still be there and be signed.
    ///
    /// Whoever captured a delivery once can then replay it for ever: use it for archived deliveries only.
    pub fn insecure_ignore_timestamp(mut self) -> Self {
        self.tolerance = None;
        self
    }

    /// Reads the headers of this family only. Default: whichever family is complete, `svix-*` first.
    pub fn header_family(mut self, family: HeaderFamily) -> Self {
        self.header_family = Some(family);
        self
    }

    /// Accepts ids that contain a full stop.
    ///
    /// The signature covers `id.timestamp.body`. With a full stop in the id, whoever captured one delivery can split that
    /// text in another place, into an id, a timestamp and a body that nobody signed. Use it only for a sender whose ids
    /// have always contained one.
    pub fn insecure_allow_dotted_ids(mut self) -> Self {
        self.allow_dotted_ids = true;
        self
    }

    /// The clock that timestamps are compared with. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
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
        let envelope = Envelope::read(headers, self.header_family, self.allow_dotted_ids)?;
        if let Some(tolerance) = self.tolerance {
            let now = self
                .clock
                .unix_seconds()
                .ok_or(VerifyError::ClockUnavailable)?;
            timestamp::check(envelope.unix_seconds, now, tolerance)?;
        }
        if !envelope
            .signatures(hmac::VERSION)
            .any(|signature| signature.len() == Tag::LEN)
        {
            return Err(VerifyError::NoSupportedSignature);
        }
        Ok(Verification::new(envelope, self.keyring.snapshot()))
    }
}

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
    payload: Payload,
    claimed_len: usize,
    /// The key that is being tried; `None` once all were.
    trial: Option<Trial>,
}

/// One key's MAC over the delivery, as far as it got.
struct Trial {
    key_index: usize,
    state: HmacState,
    /// How many bytes of the payload are in `state`.
    hashed: usize,
}

impl Verification {
    fn new(envelope: Envelope, keys: KeySet) -> Self {
        let trial = Trial::start(&envelope, &keys, 0);
        Self {
            envelope,
            keys,
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
        let rest = &self.payload.as_slice()[trial.hashed..];
        let next = &rest[..rest.len().min(budget)];
        trial.state.update(next);
        trial.hashed += next.len();
        next.len()
    }

    /// The verdict on a body that has ended, or `None` if there is more to [`hash`](Self::hash) first: the rest of the
    /// body, or all of it with the next key.
    ///
    /// Each key's MAC is computed once, however many signatures are listed, and not at all if an earlier key matches.
    pub(crate) fn conclude(&mut self) -> Option<Result<VerifiedEvent, VerifyError>> {
        if self
            .trial
            .as_ref()
            .is_some_and(|trial| trial.hashed < self.received())
        {
            return None;
        }
        let Some(Trial {
            key_index, state, ..
        }) = self.trial.take()
        else {
            return Some(Err(VerifyError::SignatureMismatch));
        };
        if state
            .finish()
            .matches_any(self.envelope.signatures(hmac::VERSION))
        {
            return Some(Ok(VerifiedEvent {
                id: self.envelope.id.clone(),
                unix_seconds: self.envelope.unix_seconds,
                payload: mem::take(&mut self.payload).into_bytes(),
                key_index,
                keyring_name: self.keys.name.clone(),
                header_family: self.envelope.family,
            }));
        }
        self.trial = Trial::start(&self.envelope, &self.keys, key_index + 1);
        None
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

impl Trial {
    /// Starts over with the key at `key_index`, if the keyring has that many.
    fn start(envelope: &Envelope, keys: &KeySet, key_index: usize) -> Option<Self> {
        let secret = keys.secrets.get(key_index)?;
        let state = secret.start(envelope.id.as_bytes(), envelope.timestamp.as_bytes());
        Some(Self {
            key_index,
            state,
            hashed: 0,
        })
    }
}
