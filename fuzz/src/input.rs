//! The inputs of the targets that have seeds.

use arbitrary::Arbitrary;

use crate::body::Script;
use crate::encoding::{Encode, List, Text, encode_struct, encode_variant};
use crate::headers::{Element, Line, Signed};
use crate::inner::Behaviour;
use crate::keys::KeySpec;
use crate::receiver::{Settings, Times};

/// Input of `headers`: any headers, with one key.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub struct Headers {
    pub key: KeySpec,
    pub settings: Settings,
    pub now: u64,
    pub signed: Signed,
    pub lines: List<Line>,
    pub body: Text,
}

/// Input of `signature_list`: any list, with any keys.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub struct Signatures {
    pub keys: List<KeySpec>,
    pub list: List<Element>,
    /// Separate from the list, so that there is one however the list changes.
    pub genuine: Option<Inserted>,
    pub signed: Signed,
    pub body: Text,
}

/// A genuine element, and its place in the list.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub struct Inserted {
    pub key: u8,
    pub at: u8,
}

/// Input of `middleware`: everything.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub struct Delivery {
    pub keys: List<KeySpec>,
    pub settings: Settings,
    pub source: Source,
    pub opaque: bool,
    pub times: Times,
    pub signed: Signed,
    pub lines: List<Line>,
    pub body: Script,
    pub inner: Behaviour,
}

/// The source of the keys.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Source {
    Fixed,
    Found { waits: u8 },
    Unknown,
    Failed,
}

/// Input of `round_trip`: what a sender signs.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub struct ToSign {
    pub keys: List<KeySpec>,
    pub as_svix: bool,
    pub now: u64,
    /// `None`: the id in the header, or a new one.
    pub new_id: Option<Text>,
    pub lines: List<Line>,
    pub body: Script,
}

encode_struct!(Headers {
    key,
    settings,
    now,
    signed,
    lines,
    body
});
encode_struct!(Signatures {
    keys,
    list,
    genuine,
    signed,
    body
});
encode_struct!(Inserted { key, at });
encode_struct!(Delivery {
    keys,
    settings,
    source,
    opaque,
    times,
    signed,
    lines,
    body,
    inner
});
encode_struct!(ToSign {
    keys,
    as_svix,
    now,
    new_id,
    lines,
    body
});

impl Encode for Source {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Fixed => encode_variant(0, 4, out),
            Self::Found { waits } => {
                encode_variant(1, 4, out);
                waits.encode(out);
            }
            Self::Unknown => encode_variant(2, 4, out),
            Self::Failed => encode_variant(3, 4, out),
        }
    }
}
