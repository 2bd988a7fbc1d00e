//! The state of an event.

/// The state of an event.
///
/// ```text
///            a worker takes it            the handler succeeds
///  pending ────────────────────▶ running ────────────────────▶ done
///     ▲                             │
///     ├── the handler fails ────────┤ after the last attempt,
///     └── its lease passes ─────────┘ or for good ────────────▶ dead
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// It waits for a worker, or for its next attempt.
    Pending,
    /// A worker has it.
    Running,
    /// It was processed.
    Done,
    /// It was given up, and waits for an operator to [retry](crate::Inbox::retry) or [forget](crate::Inbox::forget) it.
    Dead,
}

impl State {
    /// The name of the state in the table.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }

    pub(super) fn parse(name: Option<&str>) -> sqlx::Result<Self> {
        [Self::Pending, Self::Running, Self::Done, Self::Dead]
            .into_iter()
            .find(|state| Some(state.name()) == name)
            .ok_or_else(|| sqlx::Error::Decode("the table has a state that is not known".into()))
    }
}
