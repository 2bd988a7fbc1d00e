//! The explanation of a rejection, as text and as JSON.

use std::fmt;

use serde::{Deserialize, Serialize};
use tower_svix::diagnose::{Diagnosis, Failure, Finding};

use crate::keys::KeysText;

/// The result of a diagnosis. It contains no secret, no signature and no part of the delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Explanation {
    /// Sentences for the case that nothing was found.
    pub(crate) remarks: Vec<String>,
    /// The changes with which the signature would be valid, and what to do about them.
    pub(crate) findings: Vec<Note>,
    /// Suspicious facts that are not proven to be the cause.
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
    /// Returns an explanation that only says why there is none.
    pub(crate) fn none(remark: &str) -> Self {
        Self {
            remarks: vec![remark.to_owned()],
            findings: Vec::new(),
            suspicions: Vec::new(),
        }
    }
}

/// Diagnoses with the keys in the form that the user has chosen. `examine` gets their text.
pub(crate) fn diagnose(
    keys: &KeysText,
    examine: impl Fn(&str) -> Diagnosis,
) -> (Diagnosis, Explanation) {
    let diagnosis = examine(&keys.as_secrets());
    let mut explanation = Explanation::from(&diagnosis);
    let is_about_keys = matches!(
        diagnosis.verdict().err().map(Failure::code),
        Some("signature-mismatch" | "signature-unsupported" | "keys-invalid")
    );
    if let Some(text) = keys.said_to_be_key().filter(|_| is_about_keys) {
        let as_secret = examine(text);
        if as_secret.verdict().is_ok() {
            explanation.remarks.clear();
            explanation.findings = vec![Note {
                code: "text-is-no-key".to_owned(),
                text: "The delivery is genuine if the text is that of a secret, and not the key itself.".to_owned(),
                advice: "Leave --secret-is-text out.".to_owned(),
            }];
        } else if explanation.findings.is_empty() {
            explanation = (&as_secret).into();
        }
    }
    (diagnosis, explanation)
}

impl From<&Diagnosis> for Explanation {
    fn from(diagnosis: &Diagnosis) -> Self {
        let notes = |findings: &[Finding]| findings.iter().map(Note::from).collect();
        // The part of the report between the verdict and the notes.
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

/// Writes the part after the verdict, in the format of a [`Diagnosis`].
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for remark in &self.remarks {
            write!(f, "\n{remark}")?;
        }
        for (found, notes) in [("Found", &self.findings), ("Suspicious", &self.suspicions)] {
            for Note { code, text, advice } in notes {
                write!(f, "\n{found} ({code}): {text}\n  {advice}")?;
            }
        }
        Ok(())
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
