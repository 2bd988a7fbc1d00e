//! The checks of the headers of a delivery, and their settings.

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
    /// `None`: the timestamp is not compared with the clock. It must still be present and signed.
    pub(crate) tolerance: Option<Duration>,
    /// `None`: the built-in family that is complete.
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
    /// Runs all checks that need neither a key nor the body: the form of the headers, the time, and whether any listed
    /// signature has a form that some kind of key makes.
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

/// The time at which a delivery is judged. All steps that run without a wait in between share it, so that the clock is
/// read once for them (some 30 ns).
#[derive(Default)]
pub(crate) struct Now {
    is_read: bool,
    /// `None` if the clock did not tell the time.
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

/// Defines setters for the [`Policy`] in the given field of a public type.
macro_rules! define_policy_setters {
    ($($field:ident).+) => {
        /// Sets the tolerance: how far a timestamp may be from the current time, in the past or in the future, bounds
        /// included. Default: 300 seconds.
        ///
        /// See the [examples](crate::verify#examples).
        #[doc(alias = "leeway")]
        #[doc(alias = "skew")]
        pub fn tolerance(mut self, tolerance: ::std::time::Duration) -> Self {
            self.$($field).+.tolerance = Some(tolerance);
            self
        }

        /// Accepts any timestamp, whatever the clock says. The timestamp must still be present and signed.
        ///
        /// A captured delivery can then be replayed at any time. Use this only for archived deliveries.
        #[doc(alias = "verify_ignoring_timestamp")]
        pub fn insecure_ignore_timestamp(mut self) -> Self {
            self.$($field).+.tolerance = None;
            self
        }

        /// Reads only the headers of this family, which may have custom names. Default: `svix-*` or `webhook-*`,
        /// whichever is complete, and `svix-*` if both are.
        ///
        /// See [`HeaderFamily`](crate::HeaderFamily) for an example.
        pub fn header_family(mut self, family: $crate::HeaderFamily) -> Self {
            self.$($field).+.header_family = Some(family);
            self
        }

        /// Accepts ids that contain a full stop.
        ///
        /// The signature covers `id.timestamp.body`. If ids may contain a full stop, an attacker can split the text of
        /// a captured delivery at another place, into an id, a timestamp and a body that the sender never signed as
        /// such. Use this only for a sender whose ids have always contained a full stop.
        pub fn insecure_allow_dotted_ids(mut self) -> Self {
            self.$($field).+.allow_dotted_ids = true;
            self
        }

        /// Sets the clock that timestamps are compared with. Default: [`SystemClock`](crate::SystemClock).
        ///
        /// See [`Clock`](crate::Clock) for an example.
        pub fn clock(mut self, clock: impl $crate::Clock + 'static) -> Self {
            self.$($field).+.clock = ::std::sync::Arc::new(clock);
            self
        }
    };
}

pub(crate) use define_policy_setters;
