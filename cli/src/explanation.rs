//! Why a delivery is rejected, in words and as JSON.

use serde::{Deserialize, Serialize};
use tower_svix::diagnose::{Diagnosis, Finding};

/// What the diagnosis says. It holds no secret, no signature and no part of the delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Explanation {
    /// What is said where nothing is found, in sentences.
    pub(crate) remarks: Vec<String>,
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

impl Explanation {
    /// Says why there is none.
    pub(crate) fn none(remark: &str) -> Self {
        Self {
            remarks: vec![remark.to_owned()],
            findings: Vec::new(),
            suspicions: Vec::new(),
        }
    }
}

impl From<&Diagnosis> for Explanation {
    fn from(diagnosis: &Diagnosis) -> Self {
        let notes = |findings: &[Finding]| findings.iter().map(Note::from).collect();
        // Of the report, what stands between the verdict and the notes.
        let report = diagnosis.to_string();
        let is_remark =
            |line: &&str| !line.starts_with("Found (") && !line.starts_with("Suspicious (");
        let remarks = report.lines().skip(1).take_while(is_remark);
        Self {
            remarks: remarks.map(str::to_owned).collect(),
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
