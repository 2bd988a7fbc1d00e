//! A receiver that is away for a while, and what its senders do then.
//!
//! The model has expected numbers of events rather than single ones, in steps of a second: one event arrives each second,
//! and whether an attempt is served is the same fraction of all attempts of that second. So there is no chance in it, and
//! its numbers hold for any rate of arrivals.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use crate::schedule::Schedule;

/// How long the receiver refuses everything, in seconds.
pub const OUTAGE: usize = 30 * 60;
/// Where a run ends if events still are under way.
pub const END: usize = 48 * 60 * 60;
/// How long a sender waits for an answer, in seconds.
pub const PATIENCE: usize = 15;
/// With fewer events than this under way, a run ends.
const NONE_LEFT: f64 = 1e-3;

/// What a receiver does beyond its capacity. The sender waits at least so many seconds then.
#[derive(Clone, Copy)]
pub enum Overload {
    /// Refuses at once, which costs it nothing.
    Refuse { wait_at_least: u32 },
    /// Lets attempts wait in line, and works on those too whose sender has gone.
    Queue { wait_at_least: u32 },
}

/// What happened in a run. An event arrives each second.
pub struct Run {
    /// Attempts in each second, from the start of the outage.
    pub attempts: Vec<f64>,
    /// Events that arrived and are neither acknowledged nor given up, at the end of each second.
    pub under_way: Vec<f64>,
    /// Events that were acknowledged in time.
    pub acknowledged: f64,
    /// Events whose sender made its last attempt in vain.
    pub given_up: f64,
}

impl Run {
    pub fn new(schedule: &Schedule, capacity: f64, overload: Overload) -> Self {
        Self::with_outage(schedule, capacity, overload, OUTAGE)
    }

    pub fn with_outage(
        schedule: &Schedule,
        capacity: f64,
        overload: Overload,
        outage: usize,
    ) -> Self {
        let mut sender = Sender::new(schedule);
        let mut line = Line::default();
        let mut run = Self {
            attempts: Vec::new(),
            under_way: Vec::new(),
            acknowledged: 0.0,
            given_up: 0.0,
        };
        for now in 0..END {
            let attempts = sender.attempts(now);
            let total: f64 = attempts.iter().sum();
            if now < outage {
                sender.fail(now, &attempts, 1.0, 0);
            } else {
                match overload {
                    Overload::Refuse { wait_at_least } => {
                        let served = (capacity / total).min(1.0);
                        run.acknowledged += served * total;
                        sender.fail(now, &attempts, 1.0 - served, wait_at_least);
                    }
                    Overload::Queue { wait_at_least } => {
                        line.push(now, attempts);
                        run.acknowledged += line.work(now, capacity);
                        line.give_up(now, &mut sender, wait_at_least);
                    }
                }
            }
            run.given_up = sender.given_up;
            let under_way = (now + 1) as f64 - run.acknowledged - run.given_up;
            run.attempts.push(total);
            run.under_way.push(under_way);
            if now >= outage && under_way < NONE_LEFT {
                break;
            }
        }
        run
    }

    /// The most attempts in a second of these.
    pub fn peak(&self, seconds: impl Iterator<Item = usize>) -> f64 {
        seconds
            .filter_map(|second| self.attempts.get(second))
            .fold(0.0, |peak, attempts| attempts.max(peak))
    }

    /// Seconds from the end of the outage until one in 1,000 of the events that it held up is left.
    pub fn drained(&self) -> Option<usize> {
        let left = OUTAGE as f64 / 1000.0;
        let last = self.under_way.iter().rposition(|events| *events > left)?;
        (last + 1 < END).then(|| (last + 1).saturating_sub(OUTAGE))
    }
}

/// All attempts that are to come.
struct Sender<'a> {
    schedule: &'a Schedule,
    /// By the number of attempts before: how many are made in this second.
    rates: Vec<f64>,
    /// The same: by how much that changes in each second to come.
    changes: Vec<Vec<f64>>,
    given_up: f64,
}

impl<'a> Sender<'a> {
    fn new(schedule: &'a Schedule) -> Self {
        Self {
            schedule,
            rates: vec![0.0; schedule.attempts()],
            changes: vec![Vec::new(); schedule.attempts()],
            given_up: 0.0,
        }
    }

    /// What is attempted in this second, by the number of attempts before.
    fn attempts(&mut self, now: usize) -> Vec<f64> {
        self.rates[0] = 1.0;
        for (rate, changes) in self.rates.iter_mut().zip(&self.changes).skip(1) {
            // Sums of what was added and taken away again may end beside zero.
            *rate = (*rate + changes.get(now).unwrap_or(&0.0)).max(0.0);
        }
        self.rates.clone()
    }

    /// This part of the attempts failed.
    fn fail(&mut self, now: usize, attempts: &[f64], part: f64, wait_at_least: u32) {
        if part == 0.0 {
            return;
        }
        for (before, attempts) in attempts.iter().enumerate() {
            let failed = attempts * part;
            match self.schedule.delay(before + 1, wait_at_least) {
                Some(delay) => self.retry(before + 1, now, &delay, failed),
                None => self.given_up += failed,
            }
        }
    }

    fn retry(&mut self, before: usize, now: usize, delay: &RangeInclusive<u32>, events: f64) {
        let from = now + *delay.start() as usize;
        let after = now + *delay.end() as usize + 1;
        let changes = &mut self.changes[before];
        if changes.len() <= after {
            changes.resize(after + 1, 0.0);
        }
        let each = events / (after - from) as f64;
        changes[from] += each;
        changes[after] -= each;
    }
}

/// Attempts that wait, those of the oldest second first.
#[derive(Default)]
struct Line {
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    since: usize,
    attempts: Vec<f64>,
    /// What part of them is not worked on yet.
    part: f64,
}

impl Line {
    fn push(&mut self, now: usize, attempts: Vec<f64>) {
        self.waiting.push_back(Waiting {
            since: now,
            attempts,
            part: 1.0,
        });
    }

    /// Works for a second, and returns how many attempts were answered while their sender was there.
    fn work(&mut self, now: usize, mut capacity: f64) -> f64 {
        let mut in_time = 0.0;
        while let Some(first) = self.waiting.front_mut() {
            let total: f64 = first.attempts.iter().sum();
            let work = (total * first.part).min(capacity);
            if now < first.since + PATIENCE {
                in_time += work;
            }
            capacity -= work;
            first.part -= work / total;
            if capacity <= 0.0 {
                break;
            }
            self.waiting.pop_front();
        }
        in_time
    }

    /// Senders of what has waited too long try again later. The receiver does not know.
    fn give_up(&self, now: usize, sender: &mut Sender<'_>, wait_at_least: u32) {
        let late = |waiting: &&Waiting| waiting.since + PATIENCE == now + 1;
        // In order of their seconds, without a gap: the one that is sought is soon found from the end.
        if let Some(late) = self.waiting.iter().rev().find(late) {
            sender.fail(now + 1, &late.attempts, late.part, wait_at_least);
        }
    }
}
