//! The stand-in for spans and log events without the feature `tracing`, which does nothing.

use std::fmt;

use crate::inbox::StoredEvent;

pub(crate) fn in_attempt<F: Future>(_: &StoredEvent, work: F) -> F {
    work
}

pub(crate) fn error(_: &'static str, _: &dyn fmt::Display) {}
