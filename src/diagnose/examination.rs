//! What a diagnosis is made of.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;

use super::diagnosis::{Diagnosis, Failure};
use super::finding::Finding;
use super::headers;
use super::search::Search;
use super::suspicion;
use super::time;
use super::work::Work;
use crate::clock::Clock;
use crate::signature::{HeaderFamily, Keyring, VerifiedEvent, Verifier};

/// A delivery that is to be [diagnosed](Diagnosis::of), and how its receiver is configured.
#[derive(Clone, Copy)]
#[must_use = "nothing is examined before `at` is called"]
pub struct Examination<'a> {
    pub(super) keys: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) tolerance: Duration,
    pub(super) header_family: Option<HeaderFamily>,
}

impl<'a> Examination<'a> {
    pub(super) fn new(keys: &'a str, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self {
            keys,
            headers,
            body,
            tolerance: Duration::from_secs(300),
            header_family: None,
        }
    }

    /// Sets how far the timestamp may be from the time, in the past and in the future. Default: 300 seconds.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the family of headers that the receiver reads. Default: whichever family is complete, `svix-*` first.
    pub fn header_family(mut self, family: HeaderFamily) -> Self {
        self.header_family = Some(family);
        self
    }

    /// Verifies the delivery as a receiver would at `unix_seconds`, in seconds since 1970, and looks for the cause if that
    /// fails.
    #[must_use]
    pub fn at(self, unix_seconds: u64) -> Diagnosis {
        let verdict = self.verify(unix_seconds);
        let Err(failure) = &verdict else {
            return Diagnosis::new(verdict, Vec::new(), Vec::new(), Work::default());
        };
        let is_readable = !matches!(failure, Failure::Keys(_));
        let (findings, work) = Search::new(self, is_readable, unix_seconds).run();
        let suspicions = self.suspicions(unix_seconds);
        Diagnosis::new(verdict, findings, suspicions, work)
    }

    fn suspicions(&self, unix_seconds: u64) -> Vec<Finding> {
        let tolerance = self.tolerance.as_secs();
        let readings = headers::readings(self.headers, self.header_family);
        let clock = readings
            .first()
            .and_then(|reading| time::clock_suspicion(&reading.timestamp, unix_seconds, tolerance));
        let mut suspicions: Vec<_> = clock.into_iter().collect();
        suspicions.extend(suspicion::placeholder(self.keys));
        suspicions.extend(suspicion::of_delivery(self.headers, self.body));
        suspicions
    }

    /// The real verification.
    fn verify(&self, unix_seconds: u64) -> Result<VerifiedEvent, Failure> {
        let keyring: Keyring = self.keys.parse().map_err(Failure::Keys)?;
        let mut verifier = Verifier::new(keyring)
            .tolerance(self.tolerance)
            .clock(StoppedAt(unix_seconds));
        if let Some(family) = self.header_family {
            verifier = verifier.header_family(family);
        }
        verifier
            .verify(self.headers, self.body)
            .map_err(Failure::Delivery)
    }
}

/// Leaves out the keys, the headers and the body.
impl fmt::Debug for Examination<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examination")
            .field("body_len", &self.body.len())
            .field("tolerance", &self.tolerance)
            .field("header_family", &self.header_family)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct StoppedAt(u64);

impl Clock for StoppedAt {
    fn unix_seconds(&self) -> Option<u64> {
        Some(self.0)
    }
}
