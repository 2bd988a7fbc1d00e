//! The printed lines of a delivery.

use std::fmt::Write as _;

use serde_json::json;

use super::answer::Reply;
use super::delivery::{Delivery, Origin, Verdict};
use crate::output::{Paint, print, printable, say_json};
use crate::time::time_of_day;

pub(crate) struct Lines {
    as_json: bool,
    paint: Paint,
}

impl Lines {
    pub(crate) fn new(as_json: bool) -> Self {
        Self {
            as_json,
            paint: Paint::stdout(),
        }
    }

    /// Prints a line, and below it the reason if the delivery is rejected.
    pub(crate) fn print(&self, delivery: &Delivery) {
        if self.as_json {
            say_json(&summary(delivery));
        } else {
            print(&self.text(delivery));
        }
    }

    fn text(&self, delivery: &Delivery) -> String {
        let paint = self.paint;
        let event_type = printable(delivery.event_type.as_deref().unwrap_or("(no type)"));
        let id = printable(delivery.id.as_deref().unwrap_or("(no id)"));
        let number = delivery.number;
        let verdict = if delivery.verdict.is_valid() {
            paint.green("valid")
        } else {
            paint.red("rejected")
        };
        let time = paint.dim(&time_of_day(delivery.received_at / 1_000));
        let (mark, outcome) = (mark(delivery), self.outcome(delivery));
        let mut text = format!("{time} #{number} {verdict} {event_type} {id}{mark}{outcome}\n");
        if !delivery.verdict.is_valid() {
            let Verdict {
                code,
                text: why,
                explanation,
            } = &delivery.verdict;
            let _ = writeln!(text, "         {code}: {why}");
            for remark in explanation.iter().flat_map(|found| &found.remarks) {
                let _ = writeln!(text, "         {remark}");
            }
            let notes = explanation
                .as_ref()
                .map(|found| found.findings.iter().chain(&found.suspicions));
            for note in notes.into_iter().flatten() {
                let _ = writeln!(text, "         {}\n           {}", note.text, note.advice);
            }
        }
        text
    }

    /// The application's response.
    fn outcome(&self, delivery: &Delivery) -> String {
        match &delivery.reply {
            Reply::Waiting | Reply::NotForwarded => String::new(),
            Reply::Answered(answer) => {
                format!(" → {} in {} ms", answer.status, answer.milliseconds)
            }
            Reply::Failed { error, .. } => {
                let error = format!("no answer: {}", printable(error));
                format!(" → {}", self.paint.red(&error))
            }
        }
    }
}

/// The relation to an earlier delivery.
fn mark(delivery: &Delivery) -> String {
    match (delivery.origin, delivery.duplicate_of) {
        (Origin::Sender, None) => String::new(),
        (Origin::Sender, Some(first)) if delivery.differs => {
            format!(", has the id of #{first} but another body")
        }
        (Origin::Sender, Some(first)) => format!(", duplicate of #{first}"),
        (Origin::Again(of), _) => format!(", #{of} sent again"),
        (Origin::SignedAnew(of), _) => format!(", #{of} signed now"),
        (Origin::Edited(of), _) => format!(", #{of} edited"),
    }
}

/// The part of a delivery that a list shows.
pub(crate) fn summary(delivery: &Delivery) -> serde_json::Value {
    let (status, error, milliseconds) = match &delivery.reply {
        Reply::Waiting | Reply::NotForwarded => (None, None, None),
        Reply::Answered(answer) => (Some(answer.status), None, Some(answer.milliseconds)),
        Reply::Failed {
            error,
            milliseconds,
        } => (None, Some(error), Some(*milliseconds)),
    };
    json!({
        "number": delivery.number,
        "received_at": delivery.received_at,
        "origin": delivery.origin,
        "id": delivery.id,
        "type": delivery.event_type,
        "valid": delivery.verdict.is_valid(),
        "code": delivery.verdict.code,
        "message": delivery.verdict.text,
        "explanation": delivery.verdict.explanation,
        "duplicate_of": delivery.duplicate_of,
        "differs": delivery.differs,
        "size": delivery.body.len(),
        "waiting": matches!(delivery.reply, Reply::Waiting),
        "status": status,
        "error": error,
        "milliseconds": milliseconds,
    })
}
