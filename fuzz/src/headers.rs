//! The headers of a request, which an attacker may change after a sender signed it.

use std::borrow::Cow;

use arbitrary::Arbitrary;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::encoding::{Encode, List, Text, encode_struct, encode_variant};
use crate::keys::KeySpec;
use crate::reference::{self, signed_content};

/// What a sender signs, apart from the body.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub struct Signed {
    pub id: Text,
    pub timestamp: Timestamp,
}

#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub enum Timestamp {
    /// This number of seconds after the receiver's time.
    After(i16),
    Text(Text),
}

/// A header line. It is left out if HTTP does not allow its value.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub struct Line {
    pub name: Name,
    pub value: Value,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Name {
    SvixId,
    SvixTimestamp,
    SvixSignature,
    WebhookId,
    WebhookTimestamp,
    WebhookSignature,
    ContentLength,
    ContentType,
    Other(u8),
}

#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub enum Value {
    /// The signed id.
    Id,
    /// The signed timestamp.
    Timestamp,
    Signatures(List<Element>),
    Raw(Text),
    /// One byte, repeated many times.
    Long {
        byte: u8,
        len: u16,
    },
}

/// An element of the list of signatures.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub enum Element {
    /// The signature of the key at this position.
    Genuine(u8),
    /// The signature of another body.
    Stray(u8),
    /// `Genuine` with one bit changed.
    Flipped {
        key: u8,
        bit: u16,
    },
    /// `Genuine` with another version, or without a comma.
    Relabelled {
        key: u8,
        version: Option<Text>,
    },
    /// `Genuine`, longer or shorter by this much.
    Resized {
        key: u8,
        more: Text,
        less: u8,
    },
    Raw(Text),
}

/// What was signed, and the signers.
pub struct Origin<'a> {
    pub keys: &'a [KeySpec],
    pub id: &'a [u8],
    pub timestamp: &'a [u8],
    pub body: &'a [u8],
}

impl Timestamp {
    pub fn text(&self, now: u64) -> Vec<u8> {
        match self {
            Self::After(seconds) => now
                .saturating_add_signed(i64::from(*seconds))
                .to_string()
                .into(),
            Self::Text(text) => text.0.clone(),
        }
    }
}

impl Name {
    fn text(self) -> Cow<'static, str> {
        match self {
            Self::SvixId => "svix-id".into(),
            Self::SvixTimestamp => "svix-timestamp".into(),
            Self::SvixSignature => "svix-signature".into(),
            Self::WebhookId => "webhook-id".into(),
            Self::WebhookTimestamp => "webhook-timestamp".into(),
            Self::WebhookSignature => "webhook-signature".into(),
            Self::ContentLength => "content-length".into(),
            Self::ContentType => "content-type".into(),
            Self::Other(number) => format!("x-other-{number}").into(),
        }
    }
}

impl Value {
    fn bytes(&self, origin: &Origin<'_>) -> Vec<u8> {
        match self {
            Self::Id => origin.id.to_vec(),
            Self::Timestamp => origin.timestamp.to_vec(),
            Self::Signatures(elements) => join(&elements.0, origin),
            Self::Raw(text) => text.0.clone(),
            Self::Long { byte, len } => vec![*byte; usize::from(*len)],
        }
    }
}

/// Returns the value of the signature header.
pub fn join(elements: &[Element], origin: &Origin<'_>) -> Vec<u8> {
    let elements: Vec<_> = elements.iter().map(|e| e.bytes(origin)).collect();
    elements.join(&b' ')
}

impl Element {
    fn bytes(&self, origin: &Origin<'_>) -> Vec<u8> {
        let genuine = |key: u8| origin.sign(key, origin.body);
        match self {
            Self::Genuine(key) => genuine(*key),
            Self::Stray(key) => origin.sign(*key, b"another body"),
            Self::Flipped { key, bit } => {
                let mut element = genuine(*key);
                let bit = usize::from(*bit) % (8 * element.len()).max(1);
                if let Some(byte) = element.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
                element
            }
            Self::Relabelled { key, version } => {
                let element = genuine(*key);
                let comma = element.iter().position(|byte| *byte == b',');
                let signature = &element[comma.map_or(0, |comma| comma + 1)..];
                match version {
                    Some(version) => [&version.0, &b","[..], signature].concat(),
                    None => signature.to_vec(),
                }
            }
            Self::Resized { key, more, less } => {
                let mut element = genuine(*key);
                element.truncate(element.len().saturating_sub(usize::from(*less)));
                element.extend_from_slice(&more.0);
                element
            }
            Self::Raw(text) => text.0.clone(),
        }
    }
}

impl Origin<'_> {
    fn sign(&self, key: u8, body: &[u8]) -> Vec<u8> {
        let content = signed_content(self.id, self.timestamp, body);
        let signature = match self.keys.len() {
            0 => None,
            count => self.keys[usize::from(key) % count].sign(&content),
        };
        signature.unwrap_or_default().into()
    }

    /// Returns the lines that HTTP allows, for the crate and for the reference.
    pub fn headers(&self, lines: &[Line]) -> (HeaderMap, Vec<reference::Line>) {
        let mut map = HeaderMap::new();
        let mut list = Vec::new();
        for line in lines {
            let (name, value) = (line.name.text(), line.value.bytes(self));
            if let Ok(legal) = HeaderValue::from_bytes(&value) {
                map.append(HeaderName::try_from(&*name).expect("a legal name"), legal);
                list.push((name, value));
            }
        }
        (map, list)
    }
}

encode_struct!(Signed { id, timestamp });
encode_struct!(Line { name, value });

impl Encode for Timestamp {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::After(seconds) => {
                encode_variant(0, 2, out);
                seconds.encode(out);
            }
            Self::Text(text) => {
                encode_variant(1, 2, out);
                text.encode(out);
            }
        }
    }
}

impl Encode for Name {
    fn encode(&self, out: &mut Vec<u8>) {
        let index = match self {
            Self::SvixId => 0,
            Self::SvixTimestamp => 1,
            Self::SvixSignature => 2,
            Self::WebhookId => 3,
            Self::WebhookTimestamp => 4,
            Self::WebhookSignature => 5,
            Self::ContentLength => 6,
            Self::ContentType => 7,
            Self::Other(_) => 8,
        };
        encode_variant(index, 9, out);
        if let Self::Other(number) = self {
            number.encode(out);
        }
    }
}

impl Encode for Value {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut variant = |index| encode_variant(index, 5, out);
        match self {
            Self::Id => variant(0),
            Self::Timestamp => variant(1),
            Self::Signatures(elements) => {
                variant(2);
                elements.encode(out);
            }
            Self::Raw(text) => {
                variant(3);
                text.encode(out);
            }
            Self::Long { byte, len } => {
                variant(4);
                byte.encode(out);
                len.encode(out);
            }
        }
    }
}

impl Encode for Element {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut variant = |index| encode_variant(index, 6, out);
        match self {
            Self::Genuine(key) => {
                variant(0);
                key.encode(out);
            }
            Self::Stray(key) => {
                variant(1);
                key.encode(out);
            }
            Self::Flipped { key, bit } => {
                variant(2);
                key.encode(out);
                bit.encode(out);
            }
            Self::Relabelled { key, version } => {
                variant(3);
                key.encode(out);
                version.encode(out);
            }
            Self::Resized { key, more, less } => {
                variant(4);
                key.encode(out);
                more.encode(out);
                less.encode(out);
            }
            Self::Raw(text) => {
                variant(5);
                text.encode(out);
            }
        }
    }
}
