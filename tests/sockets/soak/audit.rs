//! Checks that a receiver kept the promises.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::disturbance::Disturbance;
use super::effects::Effects;
use super::history::{Answer, Attempt, History};
use super::processes::Store;
use super::receiver::Receiver;
use super::sender::Sent;

/// How long the `redis` crate waits for an answer by default.
const REDIS_TIMEOUT: Duration = Duration::from_millis(500);

/// The findings about one receiver.
#[derive(Default)]
pub(crate) struct Audit {
    /// The broken promises.
    pub(crate) violations: Vec<String>,
    /// The number of valid deliveries with each result.
    pub(crate) answers: BTreeMap<Answer, u64>,
    /// The number of forged and stale deliveries, by their fault.
    pub(crate) bogus: BTreeMap<&'static str, u64>,
    /// How often an event was processed again, by what had happened to its deliveries.
    pub(crate) reprocessed: BTreeMap<String, u64>,
    /// The time of each response.
    pub(crate) latencies: Vec<Duration>,
}

impl Audit {
    /// `number` is the receiver's.
    pub(crate) fn of(
        number: usize,
        receiver: &Receiver,
        sent: &[Sent],
        disturbances: &[Disturbance],
    ) -> Self {
        let History { genuine, bogus, .. } = receiver.endpoint.take_history();
        let mut audit = Self::default();

        let view = View {
            number,
            store: receiver.store,
            disturbances,
        };
        for Sent { id, .. } in sent {
            let attempts = genuine.get(id).map_or(&[][..], Vec::as_slice);
            let processings = receiver.processings.get(id).copied().unwrap_or(0);
            audit.event(&view, id, attempts);
            match receiver.store {
                Store::Redis => audit.processed(&view, id, attempts, processings),
                Store::Postgres => audit.stored(id, attempts, processings),
            }
        }
        for (flaw, attempt) in bogus {
            *audit.bogus.entry(flaw).or_default() += 1;
            match attempt.answer {
                Answer::Rejected => {}
                Answer::Lost | Answer::TimedOut if view.is_excused(&attempt) => {}
                other => audit.violation(format!("{other:?}, though its signature is {flaw}")),
            }
        }
        let genuine: HashSet<_> = sent.iter().map(|event| event.id.as_str()).collect();
        for id in receiver.processings.keys() {
            if !genuine.contains(id.as_str()) {
                audit.violation(format!("{id} was processed, and is not genuine"));
            }
        }
        audit.latencies.sort_unstable();
        audit
    }

    /// Checks what every receiver promises for a genuine event.
    fn event(&mut self, view: &View<'_>, id: &str, attempts: &[Attempt]) {
        for attempt in attempts {
            *self.answers.entry(attempt.answer).or_default() += 1;
            match attempt.answer {
                Answer::Rejected | Answer::Other(_) => {
                    self.violation(format!("{id} is genuine: {attempt:?}"));
                }
                Answer::Lost | Answer::TimedOut => {
                    if !view.is_excused(attempt) {
                        self.violation(format!("{id} had no answer: {attempt:?}"));
                    }
                }
                _ => self.latencies.push(attempt.latency()),
            }
        }
        if !attempts.iter().any(Attempt::is_acknowledged) {
            self.violation(format!("{id} was never acknowledged"));
        }
    }

    /// Checks that an event was processed before the response, and again only if Redis may not know of it.
    fn processed(&mut self, view: &View<'_>, id: &str, attempts: &[Attempt], processings: u64) {
        // After this response, Redis knows that the event is processed.
        let settled = attempts
            .iter()
            .filter(|attempt| attempt.is_acknowledged() && !view.is_unsettled(attempt))
            .map(|attempt| attempt.ended)
            .min();
        let is_late = |attempt: &Attempt| settled.is_some_and(|settled| attempt.sent > settled);
        let fresh = || {
            attempts
                .iter()
                .filter(|attempt| attempt.answer == Answer::Processed)
        };

        let settling = fresh().filter(|attempt| !view.is_unsettled(attempt));
        if settling.count() > 1 {
            self.violation(format!(
                "{id} was processed twice without a cause: {attempts:?}"
            ));
        }
        if fresh().any(is_late) {
            self.violation(format!(
                "{id} was processed after it was settled: {attempts:?}"
            ));
        }
        let answered = fresh().count() as u64;
        let unknown = attempts
            .iter()
            .filter(|attempt| !is_late(attempt) && view.may_be_processed_unseen(attempt));
        let most = answered + unknown.count() as u64;
        if !(answered.max(1)..=most).contains(&processings) {
            self.violation(format!(
                "{id} was processed {processings} times, not {answered} to {most}: {attempts:?}"
            ));
        }
        if processings > 1 {
            let causes = view.causes(attempts);
            *self.reprocessed.entry(causes).or_default() += processings - 1;
        }
    }

    /// Checks that an event was stored once, and processed after that.
    fn stored(&mut self, id: &str, attempts: &[Attempt], processings: u64) {
        let acknowledged = attempts
            .iter()
            .filter(|attempt| attempt.is_acknowledged())
            .map(|attempt| attempt.ended)
            .min();
        let stored: Vec<_> = attempts
            .iter()
            .filter(|attempt| attempt.answer == Answer::Stored)
            .collect();
        let is_late = |attempt: &&Attempt| acknowledged.is_some_and(|ended| attempt.sent > ended);
        if stored.len() > 1 || stored.iter().any(is_late) {
            self.violation(format!("{id} was stored twice: {attempts:?}"));
        }
        match processings {
            0 => self.violation(format!("{id} was never processed")),
            1 => {}
            more => {
                let cause = "an attempt that did not succeed".to_owned();
                *self.reprocessed.entry(cause).or_default() += more - 1;
            }
        }
    }

    fn violation(&mut self, text: String) {
        self.violations.push(text);
    }
}

/// Checks that each genuine event is in the database, and that its pages are counted once.
pub(crate) fn wrong_effects(effects: &Effects, sent: &[Sent]) -> Vec<String> {
    let mut expected_ids: Vec<_> = sent.iter().map(|event| event.id.clone()).collect();
    expected_ids.sort_unstable();
    let mut expected_pages = BTreeMap::new();
    for event in sent {
        *expected_pages.entry(event.account.clone()).or_default() += i64::from(event.pages);
    }
    let expected_pages: Vec<(String, i64)> = expected_pages.into_iter().collect();
    let mut wrong = Vec::new();
    if effects.ids != expected_ids {
        wrong.push("the ids in its database are not those that were sent".to_owned());
    }
    if effects.pages != expected_pages {
        wrong.push(format!(
            "its database has {:?}, not {expected_pages:?}",
            effects.pages
        ));
    }
    wrong
}

/// The circumstances of an attempt.
struct View<'a> {
    number: usize,
    store: Store,
    disturbances: &'a [Disturbance],
}

impl View<'_> {
    /// Returns whether Redis may not know of a response that the sender has.
    fn is_unsettled(&self, attempt: &Attempt) -> bool {
        is_slow(attempt)
            || self
                .disturbances
                .iter()
                .any(|disturbance| disturbance.unsettles(attempt))
    }

    /// Returns whether there may be no response.
    fn is_excused(&self, attempt: &Attempt) -> bool {
        match attempt.answer {
            Answer::Lost => self.is_cut_off(attempt),
            // The timeout of the inbox is shorter than that of the sender. The time of a handler is not limited.
            Answer::TimedOut => self.store == Store::Redis,
            _ => true,
        }
    }

    fn is_cut_off(&self, attempt: &Attempt) -> bool {
        self.disturbances
            .iter()
            .any(|disturbance| disturbance.cuts_off(attempt, self.number))
    }

    /// Returns whether the handler may have run although the sender has no response.
    fn may_be_processed_unseen(&self, attempt: &Attempt) -> bool {
        match attempt.answer {
            Answer::TimedOut => true,
            // A receiver that is told to stop answers all open requests. A request that is lost then did not start.
            Answer::Lost => self
                .disturbances
                .iter()
                .any(|disturbance| self.is_killed_by(disturbance, attempt)),
            _ => false,
        }
    }

    fn is_killed_by(&self, disturbance: &Disturbance, attempt: &Attempt) -> bool {
        disturbance.kills(self.number) && disturbance.cuts_off(attempt, self.number)
    }

    /// Returns what happened to those attempts that may have been processed without Redis knowing of it.
    fn causes(&self, attempts: &[Attempt]) -> String {
        let touched = |disturbance: &&Disturbance| {
            attempts.iter().any(|attempt| match attempt.answer {
                Answer::Processed => disturbance.unsettles(attempt),
                Answer::Lost => self.is_killed_by(disturbance, attempt),
                _ => false,
            })
        };
        let mut causes: Vec<_> = self
            .disturbances
            .iter()
            .filter(touched)
            .map(|disturbance| disturbance.kind.to_string())
            .collect();
        causes.dedup();
        if causes.is_empty() && attempts.iter().any(is_slow) {
            return "a slow answer".to_owned();
        }
        causes.join(", then ")
    }
}

/// Returns whether a receiver may have given up on Redis, which can be late on a busy machine.
fn is_slow(attempt: &Attempt) -> bool {
    attempt.latency() >= REDIS_TIMEOUT
}
