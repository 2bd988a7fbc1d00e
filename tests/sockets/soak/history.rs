//! What the sender saw of each delivery.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The time since this was first asked for.
pub(crate) fn now() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// 200 of the handler.
    Processed,
    /// 200 of the layer, since the event had been processed before.
    Replayed,
    /// 202 of the inbox.
    Stored,
    /// 200 of the inbox.
    StoredBefore,
    /// 503: another delivery has it.
    InProgress,
    /// 503: the store of the receiver is away.
    Unavailable,
    /// 401.
    Rejected,
    /// No connection, or one that broke: nobody can tell whether the handler ran.
    Lost,
    /// No answer in time, or a 503 of a timeout. Nobody can tell here either.
    TimedOut,
    /// What nobody expects.
    Other(u16),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Processed => f.write_str("200, processed"),
            Self::Replayed => f.write_str("200, processed before"),
            Self::Stored => f.write_str("202, stored"),
            Self::StoredBefore => f.write_str("200, stored before"),
            Self::InProgress => f.write_str("503, in progress"),
            Self::Unavailable => f.write_str("503, store away"),
            Self::Rejected => f.write_str("401"),
            Self::Lost => f.write_str("none, receiver away"),
            Self::TimedOut => f.write_str("none in time"),
            Self::Other(status) => write!(f, "{status}"),
        }
    }
}

/// One delivery, from before anything was sent until its answer was there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) sent: Duration,
    pub(crate) ended: Duration,
    pub(crate) answer: Answer,
}

impl Attempt {
    pub(crate) fn latency(&self) -> Duration {
        self.ended.saturating_sub(self.sent)
    }

    pub(crate) fn is_acknowledged(&self) -> bool {
        matches!(
            self.answer,
            Answer::Processed | Answer::Replayed | Answer::Stored | Answer::StoredBefore
        )
    }
}

/// All that one receiver was sent.
#[derive(Default)]
pub(crate) struct History {
    /// By the id of the event.
    pub(crate) genuine: HashMap<String, Vec<Attempt>>,
    /// Forged and stale deliveries, each with what was wrong with it.
    pub(crate) bogus: Vec<(&'static str, Attempt)>,
    /// How many bytes all bodies had together.
    pub(crate) body_bytes: u64,
}
