//! What a receiver asks of the headers of a delivery.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::error::VerifyError;
use super::header_family::HeaderFamily;
use super::headers::SignatureHeaders;
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
    pub(crate) fn admit<'h>(
        &self,
        headers: &'h HeaderMap,
        now: &mut Now,
    ) -> Result<SignatureHeaders<&'h HeaderValue>, VerifyError> {
        let signed = SignatureHeaders::read(headers, self.header_family, self.allow_dotted_ids)?;
        self.check_time(signed.unix_seconds, now)?;
        if signed.signatures.is_empty() {
            Err(VerifyError::NoSupportedSignature)
        } else {
            Ok(signed)
        }
    }

    /// Checks the time again, for a delivery that had to wait.
    pub(crate) fn check_again<V>(
        &self,
        headers: &SignatureHeaders<V>,
        now: &mut Now,
    ) -> Result<(), VerifyError> {
        self.check_time(headers.unix_seconds, now)
    }

    /// Checks that a timestamp is within the tolerance of now.
    #[inline]
    pub(super) fn check_time(&self, unix_seconds: u64, now: &mut Now) -> Result<(), VerifyError> {
        let Some(tolerance) = self.tolerance else {
            return Ok(());
        };
        let now = now.unix_seconds(&*self.clock);
        let now = now.ok_or(VerifyError::ClockUnavailable)?;
        timestamp::check(unix_seconds, now, tolerance)
    }
}

/// The time at which a delivery is judged. What happens without a wait happens at one time, for which the clock is read once
/// (some 30 ns).
#[derive(Default)]
pub(crate) struct Now {
    is_read: bool,
    /// `None` if the clock did not tell.
    unix_seconds: Option<u64>,
}

impl Now {
    #[inline]
    fn unix_seconds(&mut self, clock: &dyn Clock) -> Option<u64> {
        if !self.is_read {
            self.is_read = true;
            self.unix_seconds = clock.unix_seconds();
        }
        self.unix_seconds
    }
}

/// Defines the setters of the [`Policy`] in the given field, for each type that users set one through.
macro_rules! define_policy_setters {
    ($($field:ident).+) => {
        /// Sets how far a timestamp may be from now, in the past and in the future, bounds included. Default: 300 seconds.
        pub fn tolerance(mut self, tolerance: ::std::time::Duration) -> Self {
            self.$($field).+.tolerance = Some(tolerance);
            self
        }

        /// Accepts deliveries of any age, whatever the clock says. The timestamp must still be there and be signed.
        ///
        /// A delivery that was captured once can then be replayed at any time: use it for archived deliveries only.
        pub fn insecure_ignore_timestamp(mut self) -> Self {
            self.$($field).+.tolerance = None;
            self
        }

        /// Reads the headers of this family only, which may be the sender's own. Default: `svix-*` or `webhook-*`, whichever
        /// is complete, `svix-*` first.
        pub fn header_family(mut self, family: $crate::HeaderFamily) -> Self {
            self.$($field).+.header_family = Some(family);
            self
        }

        /// Accepts ids that contain a full stop.
        ///
        /// The signature covers `id.timestamp.body`. With a full stop in the id, whoever captured one delivery can split
        /// that text in another place, into an id, a timestamp and a body that nobody signed. Use it only for a sender
        /// whose ids have always contained one.
        pub fn insecure_allow_dotted_ids(mut self) -> Self {
            self.$($field).+.allow_dotted_ids = true;
            self
        }

        /// Sets the clock that timestamps are compared with. Default: [`SystemClock`](crate::SystemClock).
        pub fn clock(mut self, clock: impl $crate::Clock + 'static) -> Self {
            self.$($field).+.clock = ::std::sync::Arc::new(clock);
            self
        }
    };
}

pub(crate) use define_policy_setters;
