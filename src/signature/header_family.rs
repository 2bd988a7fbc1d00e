//! The names of the three headers of a delivery. No other file contains them.

use std::fmt;

use http::HeaderName;

use super::header_names::{HeaderNames, InvalidHeaderNames};

/// The names of the three headers of a delivery: its id, its timestamp and its signatures.
///
/// By default, a receiver reads `svix-*` or `webhook-*`, whichever is complete. Some senders use the scheme with custom
/// names. Set these with [`header_family`](crate::SvixVerifyLayer::header_family): the receiver then reads no others.
///
/// # Example
///
/// ```
/// use tower_svix::{HeaderFamily, Secret, SvixVerifyLayer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// // `x-webhook-id`, `x-webhook-timestamp` and `x-webhook-signature`:
/// let names = HeaderFamily::prefixed("x-webhook-")?;
/// let layer = SvixVerifyLayer::new(secret.clone()).header_family(names);
///
/// // Three names without a common prefix, as Finch uses them:
/// let names = HeaderFamily::named("finch-event-id", "finch-timestamp", "finch-signature")?;
/// let layer = SvixVerifyLayer::new(secret).header_family(names);
/// assert_eq!(names.id_header(), "finch-event-id");
/// # Ok(())
/// # }
/// ```
#[doc(alias = "header names")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HeaderFamily(Family);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Svix,
    Webhook,
    Custom(HeaderNames),
}

impl HeaderFamily {
    /// `svix-id`, `svix-timestamp` and `svix-signature`.
    #[doc(alias = "svix-id")]
    #[doc(alias = "svix-signature")]
    #[doc(alias = "svix-timestamp")]
    pub const SVIX: Self = Self(Family::Svix);

    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`, as Standard Webhooks names them.
    #[doc(alias = "webhook-id")]
    #[doc(alias = "webhook-signature")]
    #[doc(alias = "webhook-timestamp")]
    pub const WEBHOOK: Self = Self(Family::Webhook);

    /// The families that a receiver reads if none is set.
    pub(super) const BUILT_IN: [Self; 2] = [Self::SVIX, Self::WEBHOOK];

    /// Creates the family whose names are `prefix` followed by `id`, `timestamp` and `signature`. The prefix includes
    /// its dash, as in `x-webhook-`. Upper and lower case are the same.
    ///
    /// The names stay in memory for the life of the process, once for each prefix. Take the prefix from the program or
    /// its configuration, not from requests.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidHeaderNames`] if the results are not valid header names.
    pub fn prefixed(prefix: &str) -> Result<Self, InvalidHeaderNames> {
        let [id, timestamp, signature] =
            ["id", "timestamp", "signature"].map(|name| format!("{prefix}{name}"));
        Self::named(&id, &timestamp, &signature)
    }

    /// Creates the family with these names. Upper and lower case are the same.
    ///
    /// The names stay in memory for the life of the process, as those of [`prefixed`](Self::prefixed) do.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidHeaderNames`] if these are not three different, valid header names, or if HTTP itself uses one
    /// of them.
    pub fn named(id: &str, timestamp: &str, signature: &str) -> Result<Self, InvalidHeaderNames> {
        let names = HeaderNames::new([id, timestamp, signature])?;
        let is_built_in = |family: &Self| family.names() == names.as_strs();
        Ok(Self::BUILT_IN
            .into_iter()
            .find(is_built_in)
            .unwrap_or(Self(Family::Custom(names))))
    }

    /// Returns the name of the header for the id of the event.
    #[must_use]
    pub fn id_header(self) -> HeaderName {
        HeaderName::from_static(self.id_name())
    }

    /// Returns the name of the header for the time of the delivery, in seconds since 1970.
    #[must_use]
    pub fn timestamp_header(self) -> HeaderName {
        HeaderName::from_static(self.timestamp_name())
    }

    /// Returns the name of the header for the list of signatures.
    #[must_use]
    pub fn signature_header(self) -> HeaderName {
        HeaderName::from_static(self.signature_name())
    }

    pub(super) fn id_name(self) -> &'static str {
        self.names()[0]
    }

    pub(super) fn timestamp_name(self) -> &'static str {
        self.names()[1]
    }

    pub(super) fn signature_name(self) -> &'static str {
        self.names()[2]
    }

    pub(super) fn names(self) -> [&'static str; 3] {
        match self.0 {
            Family::Svix => ["svix-id", "svix-timestamp", "svix-signature"],
            Family::Webhook => ["webhook-id", "webhook-timestamp", "webhook-signature"],
            Family::Custom(names) => names.as_strs(),
        }
    }

    /// Returns the names if they are custom.
    pub(super) fn custom(self) -> Option<HeaderNames> {
        match self.0 {
            Family::Custom(names) => Some(names),
            Family::Svix | Family::Webhook => None,
        }
    }

    /// Returns the position of a header's family in [`BUILT_IN`](Self::BUILT_IN), and that of its name in
    /// [`names`](Self::names). `None` if it is in no built-in family.
    #[inline]
    pub(super) fn place_of(name: &str) -> Option<(usize, usize)> {
        Some(match name {
            "svix-id" => (0, 0),
            "svix-timestamp" => (0, 1),
            "svix-signature" => (0, 2),
            "webhook-id" => (1, 0),
            "webhook-timestamp" => (1, 1),
            "webhook-signature" => (1, 2),
            _ => return None,
        })
    }
}

/// The error text for a request with none of the headers of the [built-in](HeaderFamily::BUILT_IN) families.
pub(super) const NO_HEADERS: &str = "there is none of the headers of a delivery: `svix-id`, `svix-timestamp` and \
    `svix-signature`, or `webhook-id`, `webhook-timestamp` and `webhook-signature`";

impl fmt::Debug for HeaderFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
