//! The three headers of a delivery: the only place that knows their names.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::error::{SignError, VerifyError};
use super::header_names::{HeaderNames, InvalidHeaderNames};
use super::list::SignatureList;
use super::timestamp::Timestamp;

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

    fn id_name(self) -> &'static str {
        self.names()[0]
    }

    fn timestamp_name(self) -> &'static str {
        self.names()[1]
    }

    fn signature_name(self) -> &'static str {
        self.names()[2]
    }

    const BUILT_IN: [Self; 2] = [Self::Svix, Self::Webhook];

    fn names(self) -> [&'static str; 3] {
        match self {
            Self::Svix => ["svix-id", "svix-timestamp", "svix-signature"],
            Self::Webhook => ["webhook-id", "webhook-timestamp", "webhook-signature"],
            Self::Custom(names) => names.as_strs(),
        }
    }
}

/// What the headers of a delivery say: in its proper form, and not verified at all.
#[derive(Clone, Debug)]
pub(crate) struct SignatureHeaders {
    pub(super) family: HeaderFamily,
    /// Visible ASCII.
    pub(super) id: HeaderValue,
    pub(super) timestamp: Timestamp,
    pub(super) signatures: SignatureList,
}

impl SignatureHeaders {
    /// Reads the headers of the `pinned` family, or else of the one that is complete, `svix-*` first.
    ///
    /// A family is used whole. Were each header taken from either, whoever can add a header could replace a signed
    /// value by one of their own.
    pub(super) fn read(
        headers: &HeaderMap,
        pinned: Option<HeaderFamily>,
        allow_dotted_id: bool,
    ) -> Result<Self, VerifyError> {
        let set = HeaderSet::scan(headers, pinned);
        let family = set.family;
        let [id, timestamp, signatures] = set.complete()?;

        if !is_valid_id(id.as_bytes(), allow_dotted_id) {
            return Err(VerifyError::MalformedHeader(family.id_name()));
        }
        if !is_visible(signatures.as_bytes()) {
            return Err(VerifyError::MalformedHeader(family.signature_name()));
        }
        Ok(Self {
            family,
            id: id.clone(),
            timestamp: Timestamp::parse(timestamp.as_bytes())?,
            signatures: SignatureList::split(signatures.clone()),
        })
    }
}

/// The texts of the id and timestamp headers of a delivery that is to be signed.
pub(super) fn for_signing(id: &str, unix_seconds: u64) -> Result<(&[u8], String), SignError> {
    // HTTP takes spaces around the value of a header away, and the receiver would see another id than the signed one.
    if !is_valid_id(id.as_bytes(), false) || id.trim_ascii() != id {
        return Err(SignError::InvalidId);
    }
    Ok((id.as_bytes(), unix_seconds.to_string()))
}

/// The id that a request which is to be signed has already, if it has one.
#[cfg(feature = "sign")]
pub(crate) fn given_id(
    headers: &HeaderMap,
    family: HeaderFamily,
) -> Result<Option<&str>, SignError> {
    let id = headers.get(family.id_header());
    id.map(|id| id.to_str().map_err(|_| SignError::InvalidId))
        .transpose()
}

/// Removes the headers of the families that receivers might read in place of `family` from a request that is to be signed.
#[cfg(feature = "sign")]
pub(crate) fn remove_other_families(headers: &mut HeaderMap, family: HeaderFamily) {
    for other in HeaderFamily::BUILT_IN {
        if other != family {
            for name in other.names() {
                headers.remove(name);
            }
        }
    }
}

/// An id of visible ASCII, which without a dot leaves `id.timestamp.body` unambiguous: see
/// [`VerifyError::MalformedHeader`].
fn is_valid_id(id: &[u8], allow_dot: bool) -> bool {
    is_visible(id) && (allow_dot || !contains_dot(id))
}

/// Not `contains`, which stops at the first: sixteen at a time this way, and ids are short.
fn contains_dot(id: &[u8]) -> bool {
    id.iter().map(|byte| byte ^ b'.').min() == Some(0)
}

/// Whether there is any text, and all of it is visible ASCII.
fn is_visible(text: &[u8]) -> bool {
    // The largest of all bytes, not the first bad one: sixteen at a time that way, and half the time with a long list.
    let above_space = text.iter().map(|byte| byte.wrapping_sub(b' '));
    above_space.max().is_some_and(|max| max <= b'~' - b' ')
}

/// The headers of one family as they were found.
struct HeaderSet<'h> {
    family: HeaderFamily,
    headers: Headers<'h>,
}

/// The id, the timestamp and the list of signatures.
type Headers<'h> = [Header<'h>; 3];

#[derive(Clone, Copy)]
enum Header<'h> {
    Missing,
    Once(&'h HeaderValue),
    Repeated,
}

impl<'h> HeaderSet<'h> {
    /// Finds the headers of the `pinned` family. Without one: of the first that is complete, otherwise of the
    /// family with fewer missing headers, most likely the intended one.
    fn scan(headers: &'h HeaderMap, pinned: Option<HeaderFamily>) -> Self {
        if let Some(HeaderFamily::Custom(names)) = pinned {
            return Self::look_up(headers, names);
        }
        let (mut svix, mut webhook) = ([Header::Missing; 3], [Header::Missing; 3]);
        // One walk over all headers costs less than a hash of each of the six names.
        for (name, value) in headers {
            let header = match name.as_str() {
                "svix-id" => &mut svix[0],
                "svix-timestamp" => &mut svix[1],
                "svix-signature" => &mut svix[2],
                "webhook-id" => &mut webhook[0],
                "webhook-timestamp" => &mut webhook[1],
                "webhook-signature" => &mut webhook[2],
                _ => continue,
            };
            *header = match header {
                Header::Missing => Header::Once(value),
                Header::Once(_) | Header::Repeated => Header::Repeated,
            };
        }
        let missing = |headers: &Headers<'_>| {
            let is_missing = |header: &&Header<'_>| matches!(header, Header::Missing);
            headers.iter().filter(is_missing).count()
        };
        let family = pinned.unwrap_or_else(|| match (missing(&svix), missing(&webhook)) {
            (0, _) => HeaderFamily::Svix,
            (svix, webhook) if svix < webhook => HeaderFamily::Svix,
            _ => HeaderFamily::Webhook,
        });
        let headers = if family == HeaderFamily::Svix {
            svix
        } else {
            webhook
        };
        Self { family, headers }
    }

    fn look_up(headers: &'h HeaderMap, names: HeaderNames) -> Self {
        let header = |name| {
            let mut values = headers.get_all(name).into_iter();
            match (values.next(), values.next()) {
                (None, _) => Header::Missing,
                (Some(value), None) => Header::Once(value),
                (Some(_), Some(_)) => Header::Repeated,
            }
        };
        Self {
            family: HeaderFamily::Custom(names),
            headers: names.as_strs().map(header),
        }
    }

    fn complete(self) -> Result<[&'h HeaderValue; 3], VerifyError> {
        let [id, timestamp, signature] = self.headers;
        Ok([
            id.once(self.family.id_name())?,
            timestamp.once(self.family.timestamp_name())?,
            signature.once(self.family.signature_name())?,
        ])
    }
}

impl<'h> Header<'h> {
    fn once(self, name: &'static str) -> Result<&'h HeaderValue, VerifyError> {
        match self {
            Self::Missing => Err(VerifyError::MissingHeader(name)),
            Self::Once(value) => Ok(value),
            Self::Repeated => Err(VerifyError::DuplicateHeader(name)),
        }
    }
}
