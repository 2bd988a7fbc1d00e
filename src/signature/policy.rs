//! What a receiver asks of the headers of a delivery.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use super::check;
use super::envelope::{Envelope, HeaderFamily};
use super::error::VerifyError;
use super::timestamp;
use crate::clock::{Clock, SystemClock};

#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// `None`: the timestamp is signed, but not compared with the clock.
    pub(crate) tolerance: Option<Duration>,
    /// `None`: whichever family is complete.
    pub(crate) header_family: Option<HeaderFamily>,
    pub(crate) allow_dotted_ids: bool,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            // What Svix and Standard Webhooks use on both sides.
            tolerance: Some(Duration::from_secs(300)),
            header_family: None,
            allow_dotted_ids: false,
            clock: Arc::new(SystemClock),
        }
    }
}

impl Policy {
    /// All checks that the headers allow without a key: their form, the time, and that there is anything to compare.
    #[inline]
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<Envelope, VerifyError> {
        let envelope = Envelope::read(headers, self.header_family, self.allow_dotted_ids)?;
        self.check_time(envelope.timestamp.unix_seconds())?;
        if check::is_possible(&envelope) {
            Ok(envelope)
        } else {
            Err(VerifyError::NoSupportedSignature)
        }
    }

    /// Checks that a timestamp is within the tolerance of now.
    #[inline]
    pub(crate) fn check_time(&self, unix_seconds: u64) -> Result<(), VerifyError> {
        let Some(tolerance) = self.tolerance else {
            return Ok(());
        };
        let now = self
            .clock
            .unix_seconds()
            .ok_or(VerifyError::ClockUnavailable)?;
        timestamp::check(unix_seconds, now, tolerance)
    }
}
