//! The result of a diagnosis.

use std::error::Error;
use std::fmt;

use super::finding::Finding;
use super::work::Work;
use crate::signature::{KeyError, VerifiedEvent, VerifyError};

/// The reason why a delivery does not verify, and what to do about it.
///
/// `Display` prints all of it as a report of a few lines, for a terminal or a log. See the [module docs](super) for an
/// example.
#[derive(Clone, Debug)]
#[doc(alias = "explain")]
pub struct Diagnosis {
    verdict: Result<VerifiedEvent, Failure>,
    findings: Vec<Finding>,
    suspicions: Vec<Finding>,
    work: Work,
}

impl Diagnosis {
    pub(super) fn new(
        verdict: Result<VerifiedEvent, Failure>,
        findings: Vec<Finding>,
        suspicions: Vec<Finding>,
        work: Work,
    ) -> Self {
        Self {
            verdict,
            findings,
            suspicions,
            work,
        }
    }

    /// Returns the result of the real verification.
    ///
    /// # Errors
    ///
    /// Returns the [`Failure`] if the keys cannot be read or the delivery does not verify.
    pub fn verdict(&self) -> Result<&VerifiedEvent, &Failure> {
        self.verdict.as_ref()
    }

    /// Returns what would have matched. If there are several findings, the delivery verifies once all of them are
    /// fixed.
    ///
    /// There are none if the delivery verifies, or if no usual mistake explains why it does not: then the secret is not
    /// the sender's, or the body was changed.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns what is only suspicious, most suspicious first. The list is empty if the delivery verifies.
    #[must_use]
    pub fn suspicions(&self) -> &[Finding] {
        &self.suspicions
    }

    /// Returns what the search has cost.
    #[must_use]
    pub fn work(&self) -> Work {
        self.work
    }
}

/// Prints the verdict, and each finding and suspicion with its advice. There is no newline at the end.
impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Err(failure) = &self.verdict else {
            return f.write_str("The delivery is genuine.");
        };
        write!(f, "Rejected ({}): {failure}.", failure.code())?;
        if self.findings.is_empty() {
            f.write_str(match failure {
                Failure::Keys(_) => "\nUntil the keys can be read, nothing verifies.",
                Failure::Delivery(VerifyError::NoHeaders | VerifyError::MissingHeader(_)) => {
                    "\nIs it a delivery at all? Look at what the sender sends, and whether all of it arrives."
                }
                Failure::Delivery(_) => {
                    "\nNothing usual explains it: the secret is another one than the sender's, or the body was changed."
                }
            })?;
            if self.work.is_limited {
                f.write_str(
                    "\nNot everything was tried, because the delivery is too large for that.",
                )?;
            }
        }
        for finding in &self.findings {
            write!(
                f,
                "\nFound ({}): {finding}\n  {}",
                finding.code(),
                finding.advice()
            )?;
        }
        for suspicion in &self.suspicions {
            write!(
                f,
                "\nSuspicious ({}): {suspicion}\n  {}",
                suspicion.code(),
                suspicion.advice()
            )?;
        }
        Ok(())
    }
}

/// The reason why the verification failed.
///
/// [`Diagnosis::verdict`] returns it. See the [module docs](super#example) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The receiver's keys cannot be read.
    Keys(KeyError),
    /// The delivery does not verify.
    Delivery(VerifyError),
}

impl Failure {
    /// Returns the stable, machine-readable name of this cause: `keys-invalid`, or the name of the [`VerifyError`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Keys(_) => "keys-invalid",
            Self::Delivery(error) => error.code(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(error) => error.fmt(f),
            Self::Delivery(error) => error.fmt(f),
        }
    }
}

impl Error for Failure {}
