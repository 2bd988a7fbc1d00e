//! Why a delivery is rejected, in words and as JSON.

use serde::{Deserialize, Serialize};
use tower_svix::diagnose::{Diagnosis, Finding};

/// What the diagnosis says. It holds no secret, no signature and no part of the delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Explanation {
    /// What would have matched, and what to do about it.
    pub(crate) findings: Vec<Note>,
    /// What is merely suspicious.
    pub(crate) suspicions: Vec<Note>,
}

/// A finding or a suspicion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) code: String,
    pub(crate) text: String,
    pub(crate) advice: String,
}

impl From<&Diagnosis> for Explanation {
    fn from(diagnosis: &Diagnosis) -> Self {
        let notes = |findings: &[Finding]| findings.iter().map(Note::from).collect();
        Self {
            findings: notes(diagnosis.findings()),
            suspicions: notes(diagnosis.suspicions()),
        }
    }
}

impl From<&Finding> for Note {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code().to_owned(),
            text: finding.to_string(),
            advice: finding.advice().to_owned(),
        }
    }
}
