//! The list of signatures of a delivery, split once into what keys can be compared with.

use http::HeaderValue;

/// How many `v1a` signatures of one delivery are tried with each key.
///
/// Svix lists one for each key that has not expired: the current one first, then at most ten old ones, the oldest first
/// (`ExpiringSigningKeys::MAX_OLD_KEYS` in svix-webhooks, `server/svix-server/src/core/types/mod.rs`). Each costs a pass of
/// SHA-512 over the body and an operation on the curve, unlike a MAC, which is computed once and compared with all that
/// is listed.
pub(super) const MAX_ED25519: usize = 11;

/// What an element of a list is by its version and its length, and so which keys can have made it.
///
/// It does not depend on the features of the crate: what one of them adds must not change what others are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `v1,` and a MAC in base64, or the MAC alone.
    Hmac,
    /// `v1,` and a MAC in hexadecimal digits, or the MAC alone.
    HexHmac,
    /// `v1a,` and base64.
    Ed25519,
}

impl Form {
    /// Characters of a signature without its version, padding included.
    const fn len(self) -> usize {
        match self {
            Self::Hmac => 44,
            Self::HexHmac => 64,
            Self::Ed25519 => 88,
        }
    }

    /// Sorts an element that ends without the comma that it may end with, and tells where its signature starts.
    fn of(element: &[u8]) -> Option<(Self, usize)> {
        const HMAC: usize = Form::Hmac.len();
        const HEX_HMAC: usize = Form::HexHmac.len();

        if let Some(signature) = element.strip_prefix(b"v1a,") {
            return (signature.len() == Self::Ed25519.len()).then_some((Self::Ed25519, 4));
        }
        let (signature, start) = match element.strip_prefix(V1) {
            Some(signature) => (signature, V1.len()),
            // What has another version has a comma.
            None if element.contains(&b',') => return None,
            None => (element, 0),
        };
        match signature.len() {
            HMAC => Some((Self::Hmac, start)),
            HEX_HMAC => Some((Self::HexHmac, start)),
            _ => None,
        }
    }
}

const V1: &[u8] = b"v1,";
/// Characters of a MAC in base64 with its version, as nearly all elements are.
const USUAL_LEN: usize = V1.len() + Form::Hmac.len();

/// Where a signature stands in the list.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    form: Form,
    start: u32,
}

/// A list of signatures, and where those stand in it that a key can have made.
///
/// Single spaces separate the elements, and each may end with one comma, since some senders join them with a comma and a
/// space, and so do proxies that join repeated headers. An element of any other form is passed over, so that it does not
/// hide a valid one.
#[derive(Clone, Debug)]
pub(super) struct SignatureList {
    text: HeaderValue,
    /// Which forms there are.
    forms: [bool; 3],
    /// The first candidates: nearly always it is a single one.
    few: [Option<Candidate>; 4],
    more: Vec<Candidate>,
}

impl SignatureList {
    pub(super) fn split(text: HeaderValue) -> Self {
        let mut list = Self {
            text: HeaderValue::from_static(""),
            forms: [false; 3],
            few: [None; 4],
            more: Vec::new(),
        };
        let bytes = text.as_bytes();
        if bytes.len() == USUAL_LEN && is_usual(bytes) {
            list.forms[Form::Hmac as usize] = true;
            list.few[0] = Some(Candidate {
                form: Form::Hmac,
                start: 3,
            });
        } else {
            list.push_all(bytes);
        }
        list.text = text;
        list
    }

    /// Whether no key of any kind can have made one of the signatures.
    pub(super) fn is_empty(&self) -> bool {
        self.few[0].is_none()
    }

    /// Whether there is a signature of this form.
    pub(super) fn holds(&self, form: Form) -> bool {
        self.forms[form as usize]
    }

    /// How many signatures there are, of any form.
    pub(super) fn len(&self) -> usize {
        self.few.iter().flatten().count() + self.more.len()
    }

    /// The signatures of this form, without their version, in their order.
    pub(super) fn of(&self, form: Form) -> impl Iterator<Item = &[u8]> {
        let candidates = self.few.iter().flatten().chain(&self.more);
        candidates
            .filter(move |candidate| candidate.form == form)
            .map(move |candidate| {
                let start = candidate.start as usize;
                &self.text.as_bytes()[start..start + form.len()]
            })
    }

    fn push_all(&mut self, text: &[u8]) {
        let mut ed25519 = 0;
        let mut start = 0;
        while start < text.len() {
            let rest = &text[start..];
            let len = element_len(rest);
            let element = &rest[..len];
            let element = element.strip_suffix(b",").unwrap_or(element);
            if let Some((form, offset)) = Form::of(element) {
                ed25519 += usize::from(form == Form::Ed25519);
                if form != Form::Ed25519 || ed25519 <= MAX_ED25519 {
                    self.push(form, start + offset);
                }
            }
            start += len + 1;
        }
    }

    fn push(&mut self, form: Form, start: usize) {
        // No header is so long: what stands beyond is passed over.
        let Ok(start) = start.try_into() else {
            return;
        };
        let candidate = Candidate { form, start };
        self.forms[form as usize] = true;
        match self.few.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(candidate),
            None => self.more.push(candidate),
        }
    }
}

/// The length of the element that `text` starts with.
fn element_len(text: &[u8]) -> usize {
    // A long list is one of usual elements, whose end need not be searched for.
    if let Some((element, rest)) = text.split_first_chunk::<USUAL_LEN>()
        && let [] | [b' ', ..] = rest
        && is_usual(element)
    {
        return USUAL_LEN;
    }
    let space = text.iter().position(|byte| *byte == b' ');
    space.unwrap_or(text.len())
}

/// Whether a text of the usual length is a single element with the version `v1`, and has no comma to take away.
fn is_usual(text: &[u8]) -> bool {
    text.starts_with(V1) && !text.ends_with(b",") && !text.contains(&b' ')
}
