//! The headers that may contain the id, the timestamp and the signatures.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::finding::Finding;
use super::signatures::Listed;
use crate::signature::HeaderFamily;

/// The id, the timestamp and the signatures, in one of the ways to read the headers.
pub(super) struct Reading {
    pub(super) id: Vec<u8>,
    pub(super) timestamp: Vec<u8>,
    pub(super) listed: Listed,
    /// The mistake, if this is the right way to read them.
    pub(super) finding: Option<Finding>,
}

impl Reading {
    fn new(id: &[u8], timestamp: &[u8], signatures: &[u8], finding: Option<Finding>) -> Self {
        Self {
            id: id.to_vec(),
            timestamp: timestamp.to_vec(),
            listed: Listed::read(signatures),
            finding,
        }
    }
}

/// The families that a receiver may read.
const FAMILIES: [HeaderFamily; 2] = [HeaderFamily::SVIX, HeaderFamily::WEBHOOK];
/// The maximum number of families with unknown names. Senders with their own names use one.
const MAX_UNKNOWN_FAMILIES: usize = 4;

/// Returns all ways to read the headers. The first is the receiver's own, if that is possible.
pub(super) fn readings(headers: &HeaderMap, pinned: Option<HeaderFamily>) -> Vec<Reading> {
    let mut families: Vec<HeaderFamily> = pinned.into_iter().collect();
    families.extend(
        FAMILIES
            .into_iter()
            .filter(|family| pinned != Some(*family)),
    );
    let complete: Vec<HeaderFamily> = families
        .iter()
        .copied()
        .filter(|family| is_complete(headers, *family))
        .collect();
    // If a family is pinned, no other is read.
    let own = complete
        .first()
        .copied()
        .filter(|family| pinned.is_none_or(|pinned| pinned == *family));

    let mut readings = Vec::new();
    for family in &complete {
        let is_own = own == Some(*family);
        let [id, timestamp, signatures] = names(*family).map(|name| values(headers, &name));
        if let ([id], [timestamp], [signatures]) = (&id[..], &timestamp[..], &signatures[..]) {
            let finding = (!is_own).then(|| other_family(*family));
            readings.push(Reading::new(id, timestamp, signatures, finding));
        }
        if is_own {
            readings.extend(repeated(&id, &timestamp, &signatures));
        }
    }
    readings.extend(mixed(headers));
    readings.extend(unknown(headers));
    readings
}

fn names(family: HeaderFamily) -> [HeaderName; 3] {
    [
        family.id_header(),
        family.timestamp_header(),
        family.signature_header(),
    ]
}

fn values<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Vec<&'h [u8]> {
    let values = headers.get_all(name).iter();
    values.map(HeaderValue::as_bytes).collect()
}

fn is_complete(headers: &HeaderMap, family: HeaderFamily) -> bool {
    names(family).iter().all(|name| headers.contains_key(name))
}

fn other_family(family: HeaderFamily) -> Finding {
    let [id, timestamp, signature] = names(family);
    Finding::new(
        "headers-other-family",
        format!(
            "The delivery verifies with its headers `{id}`, `{timestamp}` and `{signature}`, which are not those that the \
             receiver reads."
        ),
        "Set the family of headers that the receiver reads with `header_family`, or leave it unset. If both families arrive, \
         look for what adds the other one.",
    )
}

/// Returns a reading of headers that came more than once, as separate lines or joined into one.
fn repeated(ids: &[&[u8]], timestamps: &[&[u8]], signatures: &[&[u8]]) -> Option<Reading> {
    let (id, timestamp) = (ids.first()?, timestamps.first()?);
    let is_repeated = ids.len() > 1 || timestamps.len() > 1 || signatures.len() > 1;
    let is_joined = [id, timestamp].iter().any(|value| value.contains(&b','));
    if !is_repeated && !is_joined {
        return None;
    }
    let finding = if is_repeated {
        Finding::new(
            "headers-repeated",
            "The delivery verifies if each header is read once: some of them came more than once.",
            "Look at what is between the sender and the receiver: it adds the headers again. Take away all but one of each.",
        )
    } else {
        Finding::new(
            "headers-joined",
            "The delivery verifies if each header is read once: some of them came twice, joined by a comma.",
            "Look at what is between the sender and the receiver: it adds the headers again, and joins them.",
        )
    };
    Some(Reading::new(
        first_of(id),
        first_of(timestamp),
        &signatures.join(&b' '),
        Some(finding),
    ))
}

/// Returns the first of several values that are joined by commas.
fn first_of(value: &[u8]) -> &[u8] {
    let first = value.split(|byte| *byte == b',').next();
    first.unwrap_or_default().trim_ascii()
}

/// Returns the readings that mix headers of both families.
fn mixed(headers: &HeaderMap) -> Vec<Reading> {
    let [svix, webhook] = FAMILIES.map(names);
    let name = |index: usize, from_webhook: bool| {
        if from_webhook {
            &webhook[index]
        } else {
            &svix[index]
        }
    };
    let mut readings = Vec::new();
    // Not 0 and 7, which take all three headers from one family.
    for choice in 1..7_u8 {
        let names = [0, 1, 2].map(|index| name(index, choice & 1 << index != 0));
        let [Some(id), Some(timestamp), Some(signatures)] = names.map(|name| headers.get(name))
        else {
            continue;
        };
        let [id_name, timestamp_name, signature_name] = names;
        let finding = Finding::new(
            "headers-mixed",
            format!(
                "The delivery verifies with `{id_name}`, `{timestamp_name}` and `{signature_name}`: the headers are of two \
                 families."
            ),
            "Let the sender use the names of one family, or look for what renames or adds headers. The receiver reads a family \
             whole: otherwise, an attacker who can add a header could replace a signed value.",
        );
        readings.push(Reading::new(
            id.as_bytes(),
            timestamp.as_bytes(),
            signatures.as_bytes(),
            Some(finding),
        ));
    }
    readings
}

/// Returns the readings of headers of the scheme whose names the receiver does not know.
fn unknown(headers: &HeaderMap) -> Vec<Reading> {
    let known = FAMILIES.map(HeaderFamily::signature_header);
    let prefixes = headers
        .keys()
        .filter(|name| !known.contains(name))
        .filter_map(|name| name.as_str().strip_suffix("signature"))
        .take(MAX_UNKNOWN_FAMILIES);
    let mut readings = Vec::new();
    for prefix in prefixes {
        let timestamp = format!("{prefix}timestamp");
        let signature = format!("{prefix}signature");
        let (Some(at), Some(signatures)) = (headers.get(&timestamp), headers.get(&signature))
        else {
            continue;
        };
        let ids = headers
            .iter()
            .filter(|(name, _)| name.as_str().starts_with(prefix) && name.as_str().ends_with("id"));
        for (name, id) in ids.take(MAX_UNKNOWN_FAMILIES) {
            let finding = Finding::new(
                "headers-other-names",
                format!(
                    "The delivery verifies with `{name}`, `{timestamp}` and `{signature}`: the scheme is right, under other names."
                ),
                "Tell the receiver these names, with `header_family` and `HeaderFamily::named`.",
            );
            readings.push(Reading::new(
                id.as_bytes(),
                at.as_bytes(),
                signatures.as_bytes(),
                Some(finding),
            ));
        }
    }
    readings
}
