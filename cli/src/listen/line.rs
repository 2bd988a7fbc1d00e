//! What is printed of a delivery.

use serde_json::json;

use super::answer::Reply;
use super::delivery::{Delivery, Origin};
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

    /// Prints a line, and below it why the delivery is rejected.
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
        let mut text = format!("{time} #{number} {verdict} {event_type} {id}");
        match (delivery.origin, delivery.duplicate_of) {
            (Origin::Sender, None) => {}
            (Origin::Sender, Some(first)) if delivery.differs => {
                text += &format!(", has the id of #{first} but another body");
            }
            (Origin::Sender, Some(first)) => text += &format!(", duplicate of #{first}"),
            (Origin::Again(of), _) => text += &format!(", #{of} sent again"),
            (Origin::SignedAnew(of), _) => text += &format!(", #{of} signed now"),
            (Origin::Edited(of), _) => text += &format!(", #{of} edited"),
        }
        match &delivery.reply {
            Reply::Waiting | Reply::NotForwarded => {}
            Reply::Answered(answer) => {
                text += &format!(" → {} in {} ms", answer.status, answer.milliseconds);
            }
            Reply::Failed { error, .. } => {
                text += &format!(
                    " → {}",
                    paint.red(&format!("no answer: {}", printable(error)))
                );
            }
        }
        text.push('\n');
        if !delivery.verdict.is_valid() {
            text += &format!(
                "         {}: {}\n",
                delivery.verdict.code, delivery.verdict.text
            );
            let explanation = delivery.verdict.explanation.as_ref();
            let notes = explanation.map(|found| found.findings.iter().chain(&found.suspicions));
            for note in notes.into_iter().flatten() {
                text += &format!("         {}\n           {}\n", note.text, note.advice);
            }
        }
        text
    }
}

/// What a list shows of a delivery.
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
