//! What the three headers of a delivery are called: the only place that knows their names.

use std::fmt;

use http::HeaderName;

use super::header_names::{HeaderNames, InvalidHeaderNames};

/// The names that a sender gives the three headers of a delivery.
///
/// By default, a receiver reads `svix-*` and `webhook-*`, whichever is complete. Some senders use the scheme under
/// names of their own: a receiver that is told these, with
/// [`header_family`](crate::SvixVerifyLayer::header_family), reads no others.
///
/// # Example
///
/// ```
/// use tower_svix::{HeaderFamily, Secret, SvixVerifyLayer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// // `x-webhook-id`, `x-webhook-timestamp` and `x-webhook-signature`:
/// let sent = SvixVerifyLayer::new(secret.clone()).header_family(HeaderFamily::prefixed("x-webhook-")?);
///
/// let names = HeaderFamily::named("finch-event-id", "finch-timestamp", "finch-signature")?;
/// let finch = SvixVerifyLayer::new(secret).header_family(names);
/// # Ok(())
/// # }
/// ```
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
    pub const SVIX: Self = Self(Family::Svix);

    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`, as Standard Webhooks names them.
    pub const WEBHOOK: Self = Self(Family::Webhook);

    /// The families that a receiver reads if none is pinned.
    pub(super) const BUILT_IN: [Self; 2] = [Self::SVIX, Self::WEBHOOK];

    /// The headers whose names are `prefix` and `id`, `timestamp` and `signature`. The prefix includes its dash, as in
    /// `x-webhook-`. Upper case is the same as lower case.
    ///
    /// The names are kept for the life of the process, once for each prefix: take it from the program or its
    /// configuration, not from requests.
    ///
    /// # Errors
    ///
    /// [`InvalidHeaderNames`] if these are no names of headers.
    pub fn prefixed(prefix: &str) -> Result<Self, InvalidHeaderNames> {
        let [id, timestamp, signature] =
            ["id", "timestamp", "signature"].map(|name| format!("{prefix}{name}"));
        Self::named(&id, &timestamp, &signature)
    }

    /// The headers with these names. Upper case is the same as lower case.
    ///
    /// The names are kept for the life of the process, as those of [`prefixed`](Self::prefixed) are.
    ///
    /// # Errors
    ///
    /// [`InvalidHeaderNames`] if these are not three different names of headers.
    pub fn named(id: &str, timestamp: &str, signature: &str) -> Result<Self, InvalidHeaderNames> {
        let names = HeaderNames::new([id, timestamp, signature])?;
        let is_built_in = |family: &Self| family.names() == names.as_strs();
        Ok(Self::BUILT_IN
            .into_iter()
            .find(is_built_in)
            .unwrap_or(Self(Family::Custom(names))))
    }

    /// The name of the header that holds the delivery's id.
    #[must_use]
    pub fn id_header(self) -> HeaderName {
        HeaderName::from_static(self.id_name())
    }

    /// The name of the header that holds the time of the delivery, in seconds since 1970.
    #[must_use]
    pub fn timestamp_header(self) -> HeaderName {
        HeaderName::from_static(self.timestamp_name())
    }

    /// The name of the header that holds the list of signatures.
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

    /// The names, if they are the sender's own.
    pub(super) fn custom(self) -> Option<HeaderNames> {
        match self.0 {
            Family::Custom(names) => Some(names),
            Family::Svix | Family::Webhook => None,
        }
    }

    /// Which of the families that are [built in](Self::BUILT_IN) a header is of, and which of its [names](Self::names) it
    /// has.
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

/// What a request has none of if it is no delivery of a family that is [built in](HeaderFamily::BUILT_IN).
pub(super) const NO_HEADERS: &str = "there is none of the headers of a delivery: `svix-id`, `svix-timestamp` and \
    `svix-signature`, or `webhook-id`, `webhook-timestamp` and `webhook-signature`";

impl fmt::Debug for HeaderFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
