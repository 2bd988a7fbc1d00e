//! The three headers of a delivery: how they are read from a request and written into one.

use http::{HeaderMap, HeaderValue};

use super::error::{SignError, VerifyError};
use super::header_family::HeaderFamily;
use super::header_names::HeaderNames;
use super::list::SignatureList;
use super::timestamp;

/// The headers of a delivery: well-formed, but not verified.
///
/// The values are borrowed from the request (`V` is `&HeaderValue`), since most deliveries get their verdict at once. A
/// delivery that has to wait [keeps](SignatureHeaders::keep) them.
#[derive(Debug)]
pub(crate) struct SignatureHeaders<V = HeaderValue> {
    pub(super) family: HeaderFamily,
    /// Visible ASCII.
    pub(super) id: V,
    /// ASCII digits.
    pub(super) timestamp: V,
    /// The value of the timestamp.
    pub(super) unix_seconds: u64,
    pub(super) signatures: SignatureList<V>,
}

impl<'h> SignatureHeaders<&'h HeaderValue> {
    /// Reads the headers of the `pinned` family, or otherwise of the built-in family that is complete, `svix-*` first.
    ///
    /// All three headers come from one family. If each could come from either, an attacker who can add a header could
    /// replace a signed value.
    #[inline]
    pub(super) fn read(
        headers: &'h HeaderMap,
        pinned: Option<HeaderFamily>,
        allow_dotted_id: bool,
    ) -> Result<Self, VerifyError> {
        let set = HeaderSet::scan(headers, pinned);
        let family = set.family;
        let [id, timestamp, signatures] = set.complete().map_err(|error| {
            if pinned.is_none() && set.is_empty() {
                VerifyError::NoHeaders
            } else {
                error
            }
        })?;

        if !is_valid_id(id.as_bytes(), allow_dotted_id) {
            return Err(VerifyError::MalformedHeader(family.id_name()));
        }
        let (is_visible, has_space) = survey(signatures.as_bytes(), b' ');
        if !is_visible {
            return Err(VerifyError::MalformedHeader(family.signature_name()));
        }
        Ok(Self {
            family,
            id,
            timestamp,
            unix_seconds: timestamp::parse(timestamp.as_bytes())?,
            signatures: SignatureList::split(signatures, has_space),
        })
    }

    /// Returns the same headers without the borrow of the request, for a delivery that has to wait.
    pub(crate) fn keep(self) -> SignatureHeaders {
        SignatureHeaders {
            family: self.family,
            id: self.id.clone(),
            timestamp: self.timestamp.clone(),
            unix_seconds: self.unix_seconds,
            signatures: self.signatures.keep(),
        }
    }
}

impl<V: AsRef<[u8]>> SignatureHeaders<V> {
    /// Returns the cost of a pass with one key beyond the body, in bytes that could be hashed in the same time.
    pub(super) fn cost_of_pass(&self) -> usize {
        // Comparing one listed MAC costs about as much as hashing two bytes.
        self.id.as_ref().len() + 2 * self.signatures.len()
    }
}

/// Returns the texts of the id and timestamp headers of a delivery that is to be signed.
pub(super) fn for_signing(id: &str, unix_seconds: u64) -> Result<(&[u8], String), SignError> {
    // HTTP strips spaces around the value of a header: the receiver would see another id than the signed one.
    if !is_valid_id(id.as_bytes(), false) || id.trim_ascii() != id {
        return Err(SignError::InvalidId);
    }
    Ok((id.as_bytes(), unix_seconds.to_string()))
}

/// Returns the id that a request already has before it is signed, if any.
#[cfg(feature = "sign")]
pub(crate) fn given_id(
    headers: &HeaderMap,
    family: HeaderFamily,
) -> Result<Option<&str>, SignError> {
    let id = headers.get(family.id_header());
    id.map(|id| id.to_str().map_err(|_| SignError::InvalidId))
        .transpose()
}

/// Removes the headers of the other built-in families from a request that is to be signed. Receivers might read them
/// instead of those of `family`.
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

/// Whether an id is visible ASCII, and without a full stop unless `allow_dot`. A full stop makes `id.timestamp.body`
/// ambiguous: see [`VerifyError::MalformedHeader`].
#[inline]
fn is_valid_id(id: &[u8], allow_dot: bool) -> bool {
    let (is_visible, has_dot) = survey(id, b'.');
    is_visible && (allow_dot || !has_dot)
}

/// Returns whether the text is visible ASCII and not empty, and whether it contains `wanted`.
///
/// It reads every byte, even after a bad one. This way it reads sixteen at a time.
#[inline]
fn survey(text: &[u8], wanted: u8) -> (bool, bool) {
    const LANES: usize = 16;

    let Some(end) = text.last_chunk::<LANES>() else {
        let is_visible = text.iter().all(|byte| matches!(byte, b' '..=b'~'));
        return (is_visible && !text.is_empty(), text.contains(&wanted));
    };
    let (mut invisible, mut found) = ([0_u8; LANES], [0_u8; LANES]);
    // The last chunk overlaps the one before it.
    for bytes in text.as_chunks().0.iter().chain([end]) {
        for lane in 0..LANES {
            invisible[lane] |= u8::from(!matches!(bytes[lane], b' '..=b'~'));
            found[lane] |= u8::from(bytes[lane] == wanted);
        }
    }
    let any = |lanes| u128::from_ne_bytes(lanes) != 0;
    (!any(invisible), any(found))
}

/// The headers of one family, as found in a request.
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
    /// Finds the headers of the `pinned` family. Without one: of the first built-in family that is complete, otherwise
    /// of the family with fewer missing headers, most likely the intended one, or of `webhook-*` if both lack as many.
    fn scan(headers: &'h HeaderMap, pinned: Option<HeaderFamily>) -> Self {
        if let Some((family, names)) = pinned.and_then(|family| Some((family, family.custom()?))) {
            return Self::look_up(headers, family, names);
        }
        let mut found = [[Header::Missing; 3]; 2];
        // One pass over all headers costs less than hashing each of the six names.
        for (name, value) in headers {
            let Some((family, place)) = HeaderFamily::place_of(name.as_str()) else {
                continue;
            };
            let header = &mut found[family][place];
            *header = match header {
                Header::Missing => Header::Once(value),
                Header::Once(_) | Header::Repeated => Header::Repeated,
            };
        }
        let [svix, webhook] = found;
        let missing = |headers: &Headers<'_>| {
            let is_missing = |header: &&Header<'_>| matches!(header, Header::Missing);
            headers.iter().filter(is_missing).count()
        };
        let family = pinned.unwrap_or_else(|| match (missing(&svix), missing(&webhook)) {
            (0, _) => HeaderFamily::SVIX,
            (svix, webhook) if svix < webhook => HeaderFamily::SVIX,
            _ => HeaderFamily::WEBHOOK,
        });
        let headers = if family == HeaderFamily::SVIX {
            svix
        } else {
            webhook
        };
        Self { family, headers }
    }

    fn look_up(headers: &'h HeaderMap, family: HeaderFamily, names: HeaderNames) -> Self {
        let header = |name| {
            let mut values = headers.get_all(name).into_iter();
            match (values.next(), values.next()) {
                (None, _) => Header::Missing,
                (Some(value), None) => Header::Once(value),
                (Some(_), Some(_)) => Header::Repeated,
            }
        };
        Self {
            family,
            headers: names.as_strs().map(header),
        }
    }

    fn is_empty(&self) -> bool {
        let is_missing = |header: &Header<'_>| matches!(header, Header::Missing);
        self.headers.iter().all(is_missing)
    }

    fn complete(&self) -> Result<[&'h HeaderValue; 3], VerifyError> {
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
