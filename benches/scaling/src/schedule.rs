//! When senders try again.

use std::ops::RangeInclusive;

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;

/// What a sender does with an event that was not acknowledged.
pub struct Schedule {
    pub name: &'static str,
    /// Seconds from each failure to the next attempt. After as many retries, the sender gives up.
    delays: Vec<u32>,
    jitter: Jitter,
}

#[derive(Clone, Copy)]
enum Jitter {
    None,
    /// Uniform, up to 20 % earlier or later.
    Fifth,
    /// Uniform, from nothing to all of the delay.
    Full,
}

impl Schedule {
    /// The default of Svix, with the jitter of its open-source server.
    pub fn svix() -> Self {
        Self {
            name: "Svix",
            delays: vec![
                5,
                5 * MINUTE,
                30 * MINUTE,
                2 * HOUR,
                5 * HOUR,
                10 * HOUR,
                10 * HOUR,
            ],
            jitter: Jitter::Fifth,
        }
    }

    /// The example in the specification of Standard Webhooks, without the jitter that it recommends.
    pub fn standard_webhooks() -> Self {
        let mut delays = Self::svix().delays;
        delays.splice(6.., [14, 20, 24].map(|hours| hours * HOUR));
        Self {
            name: "Standard Webhooks",
            delays,
            jitter: Jitter::None,
        }
    }

    /// A backoff that doubles from 5 seconds up to an hour, 16 times, with full jitter.
    pub fn full_jitter() -> Self {
        Self {
            name: "Full jitter",
            delays: (0..16).map(|retry| (5 << retry).min(HOUR)).collect(),
            jitter: Jitter::Full,
        }
    }

    /// Once a minute for an hour.
    pub fn every_minute() -> Self {
        Self {
            name: "Every minute",
            delays: vec![MINUTE; 60],
            jitter: Jitter::None,
        }
    }

    pub fn all() -> [Self; 4] {
        [
            Self::svix(),
            Self::standard_webhooks(),
            Self::full_jitter(),
            Self::every_minute(),
        ]
    }

    pub fn attempts(&self) -> usize {
        self.delays.len() + 1
    }

    /// Seconds from the first attempt to the last, without jitter.
    pub fn span(&self) -> u32 {
        self.delays.iter().sum()
    }

    /// Seconds until the next attempt after `failed` others, each as likely as the others; `None` if there is none.
    ///
    /// What the sender waits at least is a floor under the schedule, before the jitter, as in the server of Svix.
    pub(crate) fn delay(&self, failed: usize, at_least: u32) -> Option<RangeInclusive<u32>> {
        let delay = (*self.delays.get(failed - 1)?).max(at_least);
        Some(match self.jitter {
            Jitter::None => delay..=delay,
            Jitter::Fifth => delay - delay / 5..=delay + delay / 5,
            Jitter::Full => 1..=delay,
        })
    }
}
