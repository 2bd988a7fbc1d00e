//! The replacement for the log of rejections without the feature `tracing`. It does nothing.
#![allow(clippy::unused_self, reason = "the methods are those of the real one")]

use std::error::Error;
use std::fmt;

use crate::clock::Clock;

#[derive(Debug, Default)]
pub(crate) struct RejectionLog;

impl RejectionLog {
    pub(super) fn rejected(
        &self,
        _: &dyn Clock,
        _: &'static str,
        _: &dyn fmt::Display,
        _: bool,
        _: Option<&(dyn Error + 'static)>,
    ) {
    }

    pub(super) fn verified(&self, _: &dyn Clock) {}
}
