//! The deliveries, as the sender sees them.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Returns the time since the first call.
pub(crate) fn now() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// 200 from the handler.
    Processed,
    /// 200 from the layer, because the event was processed before.
    Replayed,
    /// 202 from the inbox.
    Stored,
    /// 200 from the inbox.
    StoredBefore,
    /// 503: another delivery has claimed the event.
    InProgress,
    /// 503: the receiver's store is not available.
    Unavailable,
    /// 401.
    Rejected,
    /// No connection, or a connection that broke. Nobody knows whether the handler ran.
    Lost,
    /// No response in time, or a 503 of a timeout. Nobody knows whether the handler ran.
    TimedOut,
    /// A response that is always wrong.
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

/// One delivery, from before the first byte until the response.
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

/// All deliveries to one receiver.
#[derive(Default)]
pub(crate) struct History {
    /// By id of the event.
    pub(crate) genuine: HashMap<String, Vec<Attempt>>,
    /// Forged and stale deliveries, each with its fault.
    pub(crate) bogus: Vec<(&'static str, Attempt)>,
    /// The total length of all bodies.
    pub(crate) body_bytes: u64,
}
