//! The search for mistakes that explain why a delivery does not verify.

use std::ops::ControlFlow;

use super::body;
use super::examination::Examination;
use super::finding::Finding;
use super::headers::{self, Reading};
use super::keys::{Key, Keys};
use super::reprint;
use super::scheme;
use super::signatures::{self, Form, Listed};
use super::time;
use super::work::Work;
use crate::signature::{Keyring, Verifier};

/// Tries one mistake at a time, and a few usual pairs.
pub(super) struct Search<'a> {
    examination: Examination<'a>,
    keys: Keys,
    now: u64,
    work: Work,
}

impl<'a> Search<'a> {
    pub(super) fn new(examination: Examination<'a>, is_readable: bool, now: u64) -> Self {
        Self {
            examination,
            keys: Keys::read(examination.keys, is_readable),
            now,
            work: Work::default(),
        }
    }

    /// Returns the mistakes, or none if no usual mistake explains the failure.
    pub(super) fn run(mut self) -> (Vec<Finding>, Work) {
        let readings = headers::readings(self.examination.headers, self.examination.header_family);
        for reading in &readings {
            if let ControlFlow::Break(found) = self.as_it_is(reading) {
                return (found, self.work);
            }
        }
        // Everything else is tried with the first reading only, which is the receiver's own if there is one.
        for reading in readings.iter().take(1) {
            if let ControlFlow::Break(found) = self.with_a_mistake(reading) {
                return (found, self.work);
            }
        }
        let kinds = readings
            .first()
            .and_then(|reading| self.keys.kind_finding(&reading.listed));
        (kinds.into_iter().collect(), self.work)
    }

    fn as_it_is(&mut self, reading: &Reading) -> ControlFlow<Vec<Finding>> {
        let body = self.examination.body;
        let message = message(&reading.id, &reading.timestamp, body);
        let matched = self.matching(Keys::plain, &reading.listed, &message);
        let matched = match matched {
            Some(matched) => matched,
            None if self.matches_ed25519(reading, body) => Match::default(),
            None => return ControlFlow::Continue(()),
        };
        let mut found = self.found(reading, matched);
        if found.is_empty() {
            found.push(malformed());
        }
        ControlFlow::Break(found)
    }

    fn with_a_mistake(&mut self, reading: &Reading) -> ControlFlow<Vec<Finding>> {
        let body = self.examination.body;
        let plain = message(&reading.id, &reading.timestamp, body);
        for keys in [Keys::texts, Keys::others] {
            if let Some(matched) = self.matching(keys, &reading.listed, &plain) {
                return ControlFlow::Break(self.found(reading, matched));
            }
        }
        for keys in [Keys::plain, Keys::texts] {
            for scheme in scheme::OTHERS {
                let message = scheme.message(&reading.id, &reading.timestamp, body);
                if let Some(matched) = self.matching(keys, &reading.listed, &message) {
                    let mut found = vec![scheme.finding()];
                    found.extend(self.found(reading, matched));
                    return ControlFlow::Break(found);
                }
            }
        }
        for (timestamp, wrong) in time::reprints(&reading.timestamp) {
            let message = message(&reading.id, &timestamp, body);
            if let Some(matched) = self.matching(Keys::plain, &reading.listed, &message) {
                let mut found = vec![wrong];
                found.extend(matched.key);
                found.extend(signatures::finding(matched.form));
                return ControlFlow::Break(found);
            }
        }
        self.with_another_body(reading)
    }

    fn with_another_body(&mut self, reading: &Reading) -> ControlFlow<Vec<Finding>> {
        let mut found = None;
        let flow = body::candidates(self.examination.body, &mut |body, wrong| {
            let message = message(&reading.id, &reading.timestamp, body);
            found = match self.matching(Keys::plain, &reading.listed, &message) {
                None if self.matches_ed25519(reading, body) => Some((wrong(), Match::default())),
                matched => matched.map(|matched| (wrong(), matched)),
            };
            if found.is_some() || self.work.is_limited {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        let (ControlFlow::Break(()), Some((wrong, matched))) = (flow, found) else {
            self.work.is_limited |= reprint::is_too_long(self.examination.body);
            return ControlFlow::Continue(());
        };
        let mut found = vec![wrong];
        found.extend(self.found(reading, matched));
        ControlFlow::Break(found)
    }

    /// Returns all mistakes, once a signature has matched.
    fn found(&self, reading: &Reading, matched: Match) -> Vec<Finding> {
        let tolerance = self.examination.tolerance.as_secs();
        [
            reading.finding.clone(),
            matched.key,
            signatures::finding(matched.form),
            time::finding(&reading.timestamp, self.now, tolerance),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Returns the listed MAC of the message under one of these keys, if there is one.
    fn matching(
        &mut self,
        keys: impl Fn(&Keys) -> &[Key],
        listed: &Listed,
        message: &[&[u8]],
    ) -> Option<Match> {
        let len = message.iter().map(|part| part.len()).sum();
        let Self { work, .. } = self;
        keys(&self.keys).iter().find_map(|key| {
            if !listed.lists_macs() || !work.book(len) {
                return None;
            }
            let form = listed.form_of(&key.mac(message))?;
            let key = key.finding.clone();
            Some(Match { key, form })
        })
    }

    fn matches_ed25519(&mut self, reading: &Reading, body: &[u8]) -> bool {
        // Only for the receiver's own reading, because only the body is varied.
        if reading.listed.ed25519 == 0 || reading.finding.is_some() {
            return false;
        }
        for key in &self.keys.public {
            // Each key is tried with each signature.
            if !(0..reading.listed.ed25519).all(|_| self.work.book(body.len())) {
                return false;
            }
            let mut verifier =
                Verifier::new(Keyring::from(key.clone())).insecure_ignore_timestamp();
            if let Some(family) = self.examination.header_family {
                verifier = verifier.header_family(family);
            }
            if verifier.verify(self.examination.headers, body).is_ok() {
                return true;
            }
        }
        false
    }
}

/// A listed MAC that matches.
#[derive(Default)]
struct Match {
    /// The mistake about the key that made it.
    key: Option<Finding>,
    form: Form,
}

fn message<'m>(id: &'m [u8], timestamp: &'m [u8], body: &'m [u8]) -> [&'m [u8]; 5] {
    [id, b".", timestamp, b".", body]
}

/// Returns the finding for a delivery that is rejected although a signature is right.
fn malformed() -> Finding {
    Finding::new(
        "headers-malformed",
        "The signature is right, but a header has a form that the receiver does not accept.",
        "Look at the verdict for its name. An id must be visible ASCII without a full stop: otherwise, a captured delivery \
         could be split in another place.",
    )
}
