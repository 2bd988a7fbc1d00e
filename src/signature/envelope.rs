//! The headers of a delivery: the only place that reads any.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::error::{SignError, VerifyError};
use super::timestamp;

/// The names that a sender gives the three headers of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFamily {
    /// `svix-id`, `svix-timestamp` and `svix-signature`.
    Svix,
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`, as Standard Webhooks names them.
    Webhook,
}

impl HeaderFamily {
    /// The name of the header that holds the delivery's id.
    #[must_use]
    pub fn id_header(self) -> &'static str {
        self.names()[0]
    }

    /// The name of the header that holds the time of the delivery, in seconds since 1970.
    #[must_use]
    pub fn timestamp_header(self) -> &'static str {
        self.names()[1]
    }

    /// The name of the header that holds the list of signatures.
    #[must_use]
    pub fn signature_header(self) -> &'static str {
        self.names()[2]
    }

    #[cfg(feature = "sign")]
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Svix => Self::Webhook,
            Self::Webhook => Self::Svix,
        }
    }

    fn names(self) -> [&'static str; 3] {
        match self {
            Self::Svix => ["svix-id", "svix-timestamp", "svix-signature"],
            Self::Webhook => ["webhook-id", "webhook-timestamp", "webhook-signature"],
        }
    }
}

/// What the headers of a delivery say: in its proper form, and not verified at all.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(super) family: HeaderFamily,
    /// Visible ASCII.
    pub(super) id: HeaderValue,
    /// The header's text, which is what the sender signed.
    pub(super) timestamp: HeaderValue,
    /// The number that `timestamp` reads.
    pub(super) unix_seconds: u64,
    signatures: HeaderValue,
}

impl Envelope {
    /// Reads the headers of the `pinned` family, or else of the one that is complete, `svix-*` first.
    ///
    /// A family is used whole. Were each header taken from either, whoever can add a header could replace a signed
    /// value by one of their own.
    pub(super) fn read(
        headers: &HeaderMap,
        pinned: Option<HeaderFamily>,
        allow_dotted_id: bool,
    ) -> Result<Self, VerifyError> {
        let found = match pinned {
            Some(family) => Found::scan(headers, family),
            None => Found::scan_both(headers),
        };
        let family = found.family;
        let [id, timestamp, signatures] = found.complete()?;

        let id_is_valid = if allow_dotted_id {
            is_visible(id.as_bytes())
        } else {
            is_valid_id(id.as_bytes())
        };
        if !id_is_valid {
            return Err(VerifyError::MalformedHeader(family.id_header()));
        }
        if !is_visible(signatures.as_bytes()) {
            return Err(VerifyError::MalformedHeader(family.signature_header()));
        }
        Ok(Self {
            family,
            id: id.clone(),
            unix_seconds: timestamp::parse(timestamp.as_bytes())?,
            timestamp: timestamp.clone(),
            signatures: signatures.clone(),
        })
    }

    /// The listed signatures of one version, such as `v1`, as they stand after the comma.
    ///
    /// Those of other versions and those without one are passed over, so that neither hides a valid one.
    pub(super) fn signatures(&self, version: &'static str) -> impl Iterator<Item = &[u8]> {
        self.elements()
            .filter_map(move |element| element.strip_prefix(version.as_bytes())?.strip_prefix(b","))
    }

    /// The elements of the list of signatures, which single spaces separate.
    pub(super) fn elements(&self) -> impl Iterator<Item = &[u8]> {
        self.signatures.as_bytes().split(|byte| *byte == b' ')
    }
}

/// The texts of the id and timestamp headers of a delivery that is to be signed.
pub(super) fn for_signing(id: &str, unix_seconds: u64) -> Result<(&[u8], String), SignError> {
    // HTTP takes spaces around the value of a header away, and the receiver would see another id than the signed one.
    if !is_valid_id(id.as_bytes()) || id.trim_ascii() != id {
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

/// Removes the three headers of `family` from a request that is to be signed.
#[cfg(feature = "sign")]
pub(crate) fn remove_family(headers: &mut HeaderMap, family: HeaderFamily) {
    for name in family.names() {
        headers.remove(name);
    }
}

/// An id that leaves `id.timestamp.body` unambiguous: see [`VerifyError::MalformedHeader`].
fn is_valid_id(id: &[u8]) -> bool {
    is_visible(id) && !id.contains(&b'.')
}

/// The length that the request claims for its body, in bytes, if it claims any.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether the request is a gRPC call, whose client looks for the outcome in headers of gRPC's own.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    let mut parts = content_type
        .as_bytes()
        .split(|byte| matches!(byte, b'+' | b';' | b' '));
    parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case(b"application/grpc"))
}

/// The text of a header that is given exactly once.
pub(crate) fn sole_header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok()
}

fn is_visible(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The headers of one family as they were found.
struct Found<'h> {
    family: HeaderFamily,
    slots: [Slot<'h>; 3],
}

#[derive(Clone, Copy)]
enum Slot<'h> {
    Missing,
    Once(&'h HeaderValue),
    Repeated,
}

impl<'h> Found<'h> {
    fn scan(headers: &'h HeaderMap, family: HeaderFamily) -> Self {
        let names = family.names();
        let mut slots = [Slot::Missing; 3];
        for (name, value) in headers {
            if let Some(index) = names.iter().position(|wanted| name.as_str() == *wanted) {
                slots[index] = match slots[index] {
                    Slot::Missing => Slot::Once(value),
                    Slot::Once(_) | Slot::Repeated => Slot::Repeated,
                };
            }
        }
        Self { family, slots }
    }

    /// The first complete family. If none is, the one that lacks less, as it is what the sender meant.
    fn scan_both(headers: &'h HeaderMap) -> Self {
        let svix = Self::scan(headers, HeaderFamily::Svix);
        if svix.missing() == 0 {
            return svix;
        }
        let webhook = Self::scan(headers, HeaderFamily::Webhook);
        if webhook.missing() <= svix.missing() {
            webhook
        } else {
            svix
        }
    }

    fn missing(&self) -> usize {
        self.slots
            .iter()
            .filter(|slot| matches!(slot, Slot::Missing))
            .count()
    }

    fn complete(self) -> Result<[&'h HeaderValue; 3], VerifyError> {
        let [id, timestamp, signature] = self.slots;
        Ok([
            id.once(self.family.id_header())?,
            timestamp.once(self.family.timestamp_header())?,
            signature.once(self.family.signature_header())?,
        ])
    }
}

impl<'h> Slot<'h> {
    fn once(self, name: &'static str) -> Result<&'h HeaderValue, VerifyError> {
        match self {
            Self::Missing => Err(VerifyError::MissingHeader(name)),
            Self::Once(value) => Ok(value),
            Self::Repeated => Err(VerifyError::DuplicateHeader(name)),
        }
    }
}
