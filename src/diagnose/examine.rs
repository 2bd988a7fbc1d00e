//! The steps of a diagnosis.

use http::HeaderMap;

use super::diagnosis::{Diagnosis, Failure};
use super::examination::Examination;
use super::finding::Finding;
use super::headers;
use super::search::Search;
use super::suspicion;
use super::time;
use super::work::Work;
use crate::clock::Clock;
use crate::signature::{Keyring, VerifiedEvent, Verifier};

impl Diagnosis {
    /// Starts the examination of a delivery. `keys` is the text that the receiver is configured with: one or several
    /// keys, as [`Keyring`] parses them. `body` is the body that arrived.
    pub fn of<'a>(keys: &'a str, headers: &'a HeaderMap, body: &'a [u8]) -> Examination<'a> {
        Examination::new(keys, headers, body)
    }
}

impl Examination<'_> {
    /// Verifies the delivery as a receiver would at `unix_seconds`, in seconds since 1970, and looks for the cause if
    /// that fails.
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

    /// Runs the real verification.
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

#[derive(Debug)]
struct StoppedAt(u64);

impl Clock for StoppedAt {
    fn unix_seconds(&self) -> Option<u64> {
        Some(self.0)
    }
}
