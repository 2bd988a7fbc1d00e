//! The three headers of a delivery.

use std::borrow::Cow;

use super::Codes;

/// The name of a header, in lower case, and its value.
pub type Line = (Cow<'static, str>, Vec<u8>);

/// The names of one family of headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Svix,
    Webhook,
}

/// The values of the three headers, if they are well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureHeaders {
    pub family: Family,
    pub id: Vec<u8>,
    pub timestamp: Vec<u8>,
    pub unix_seconds: u64,
    pub signatures: Vec<u8>,
}

impl Family {
    /// Returns the names of the id, timestamp and signature headers.
    pub fn names(self) -> [&'static str; 3] {
        match self {
            Self::Svix => ["svix-id", "svix-timestamp", "svix-signature"],
            Self::Webhook => ["webhook-id", "webhook-timestamp", "webhook-signature"],
        }
    }

    fn is_complete(self, headers: &[Line]) -> bool {
        self.values(headers).iter().all(|values| !values.is_empty())
    }

    fn values(self, headers: &[Line]) -> [Vec<&[u8]>; 3] {
        self.names().map(|wanted| {
            let given = headers.iter().filter(|(name, _)| name == wanted);
            given.map(|(_, value)| value.as_slice()).collect()
        })
    }
}

impl SignatureHeaders {
    /// Reads the headers of the family that is set, or of the first that is complete.
    pub fn read(
        headers: &[Line],
        pinned: Option<Family>,
        allow_dotted_ids: bool,
    ) -> Result<Self, Codes> {
        let families = match pinned {
            Some(family) => vec![family],
            None => vec![Family::Svix, Family::Webhook],
        };
        let mut codes = Vec::new();
        let Some(family) = families
            .iter()
            .copied()
            .find(|family| family.is_complete(headers))
        else {
            codes.push("header-missing");
            // The documentation does not say which check comes first.
            let is_repeated = |family: Family| family.values(headers).iter().any(|v| v.len() > 1);
            if families.into_iter().any(is_repeated) {
                codes.push("header-duplicate");
            }
            return Err(codes);
        };

        let [ids, timestamps, signatures] = family.values(headers);
        if [&ids, &timestamps, &signatures].iter().any(|v| v.len() > 1) {
            // It is not defined which of the values would have to be well-formed.
            return Err(vec!["header-duplicate"]);
        }
        let (id, timestamp, signatures) = (ids[0], timestamps[0], signatures[0]);
        if !is_text(id) || !is_text(signatures) || (id.contains(&b'.') && !allow_dotted_ids) {
            codes.push("header-malformed");
        }
        if !is_text(timestamp) {
            codes.push("header-malformed");
        }
        let unix_seconds = plain_number(timestamp);
        if unix_seconds.is_none() {
            codes.push("timestamp-malformed");
        }
        match unix_seconds {
            Some(unix_seconds) if codes.is_empty() => Ok(Self {
                family,
                id: id.to_vec(),
                timestamp: timestamp.to_vec(),
                unix_seconds,
                signatures: signatures.to_vec(),
            }),
            _ => Err(codes),
        }
    }

    /// Returns whether the list has a signature with the version and length of any kind of key.
    pub(super) fn lists_supported_signature(&self) -> bool {
        [Scheme::Hmac, Scheme::HexHmac, Scheme::Ed25519]
            .into_iter()
            .any(|scheme| !signatures(&self.signatures, scheme).is_empty())
    }
}

/// The kind of key that makes a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Hmac,
    HexHmac,
    Ed25519,
}

/// Returns the signatures of one scheme in a list, without their version, by the table in the documentation.
pub(super) fn signatures(list: &[u8], wanted: Scheme) -> Vec<&[u8]> {
    let elements = list.split(|byte| *byte == b' ');
    let of_scheme = |element| {
        let (version, signature) = parts(element);
        let scheme = match (version, signature.len()) {
            (b"v1" | b"", 44) => Scheme::Hmac,
            (b"v1" | b"", 64) => Scheme::HexHmac,
            (b"v1a", 88) => Scheme::Ed25519,
            _ => return None,
        };
        (scheme == wanted).then_some(signature)
    };
    elements.filter_map(of_scheme).collect()
}

/// Splits an element into version and signature. It may end with one comma. Without another comma, there is no version.
fn parts(element: &[u8]) -> (&[u8], &[u8]) {
    let element = match element {
        [all @ .., b','] => all,
        all => all,
    };
    match element.iter().position(|byte| *byte == b',') {
        // A missing version is not the same as an empty one.
        Some(0) => (b"?", element),
        Some(comma) => (&element[..comma], &element[comma + 1..]),
        None => (b"", element),
    }
}

/// Returns whether a text is visible ASCII and spaces, and not empty.
fn is_text(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| (0x20..0x7f).contains(byte))
}

/// Parses a number of seconds as a sender prints it: digits without leading zeros, within the range of a time.
fn plain_number(text: &[u8]) -> Option<u64> {
    let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let number = u64::try_from(number).ok()?;
    (number.to_string().as_bytes() == text).then_some(number)
}
