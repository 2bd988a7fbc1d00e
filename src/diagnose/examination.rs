//! The input of a diagnosis.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;

use crate::signature::HeaderFamily;

/// A delivery to diagnose, and the configuration of its receiver.
///
/// Made by [`Diagnosis::of`](super::Diagnosis::of). See the [module docs](super#example) for an example.
#[derive(Clone, Copy)]
#[must_use = "nothing is examined before `at` is called"]
pub struct Examination<'a> {
    pub(super) keys: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) tolerance: Duration,
    pub(super) header_family: Option<HeaderFamily>,
}

impl<'a> Examination<'a> {
    pub(super) fn new(keys: &'a str, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self {
            keys,
            headers,
            body,
            tolerance: Duration::from_secs(300),
            header_family: None,
        }
    }

    /// Sets how far the timestamp may be from the receiver's time, in the past and in the future. Default: 300 seconds.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the family of headers that the receiver reads. Default: the family that is complete, `svix-*` first.
    pub fn header_family(mut self, family: HeaderFamily) -> Self {
        self.header_family = Some(family);
        self
    }
}

/// Leaves out the keys, the headers and the body.
impl fmt::Debug for Examination<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examination")
            .field("body_len", &self.body.len())
            .field("tolerance", &self.tolerance)
            .field("header_family", &self.header_family)
            .finish_non_exhaustive()
    }
}
