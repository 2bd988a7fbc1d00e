//! What the three headers of a delivery are called: the only place that knows their names.

use http::HeaderName;

use super::header_names::{HeaderNames, InvalidHeaderNames};

/// The names that a sender gives the three headers of a delivery.
///
/// Without further ado, a receiver reads `svix-*` and `webhook-*`, whichever is complete. Some senders use the scheme under
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderFamily {
    /// `svix-id`, `svix-timestamp` and `svix-signature`.
    Svix,
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`, as Standard Webhooks names them.
    Webhook,
    /// The sender's own: made by [`prefixed`](Self::prefixed) and [`named`](Self::named).
    Custom(HeaderNames),
}

impl HeaderFamily {
    /// The headers whose names are `prefix` and `id`, `timestamp` and `signature`. Upper case is the same as lower case.
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
            .unwrap_or(Self::Custom(names)))
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

    pub(super) const BUILT_IN: [Self; 2] = [Self::Svix, Self::Webhook];

    pub(super) fn names(self) -> [&'static str; 3] {
        match self {
            Self::Svix => ["svix-id", "svix-timestamp", "svix-signature"],
            Self::Webhook => ["webhook-id", "webhook-timestamp", "webhook-signature"],
            Self::Custom(names) => names.as_strs(),
        }
    }
}

/// A family that is read without being pinned.
#[derive(Clone, Copy)]
pub(super) enum BuiltIn {
    Svix,
    Webhook,
}

/// Which family a header is of, and at which place of its names it stands: the id, the timestamp, the list of signatures.
#[inline]
pub(super) fn built_in(name: &str) -> Option<(BuiltIn, usize)> {
    Some(match name {
        "svix-id" => (BuiltIn::Svix, 0),
        "svix-timestamp" => (BuiltIn::Svix, 1),
        "svix-signature" => (BuiltIn::Svix, 2),
        "webhook-id" => (BuiltIn::Webhook, 0),
        "webhook-timestamp" => (BuiltIn::Webhook, 1),
        "webhook-signature" => (BuiltIn::Webhook, 2),
        _ => return None,
    })
}
