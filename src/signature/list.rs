//! The list of signatures of a delivery, split once into those that keys are compared with.

use http::HeaderValue;

/// The maximum number of `v1a` signatures of one delivery that are tried with each key.
///
/// Svix lists one for each key that has not expired: the current one first, then at most ten old ones, the oldest first
/// (`ExpiringSigningKeys::MAX_OLD_KEYS` in svix-webhooks, `server/svix-server/src/core/types/mod.rs`). Each costs a
/// pass of SHA-512 over the body and an operation on the curve. A MAC, in contrast, is computed once and compared with
/// all signatures in the list.
pub(super) const MAX_ED25519: usize = 11;

/// The form of an element of the list, by its version and length. It tells which keys can have made the element.
///
/// The forms do not depend on the features of the crate: enabling a feature must not change the answers to deliveries
/// that do not use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// `v1,` and a MAC in base64, or the MAC alone.
    #[default]
    Hmac,
    /// `v1,` and a MAC in hexadecimal digits, or the MAC alone.
    HexHmac,
    /// `v1a,` and base64.
    Ed25519,
}

impl Form {
    /// Returns the number of characters of a signature without its version, padding included.
    const fn len(self) -> usize {
        match self {
            Self::Hmac => 44,
            Self::HexHmac => 64,
            Self::Ed25519 => 88,
        }
    }

    /// Returns the form of an element, and the position where its signature starts. The element must come without the
    /// comma that it may end with.
    #[inline]
    fn of(element: &[u8]) -> Option<(Self, usize)> {
        const HMAC: usize = Form::Hmac.len();
        const HEX_HMAC: usize = Form::HexHmac.len();

        if let Some(signature) = element.strip_prefix(b"v1a,") {
            return (signature.len() == Self::Ed25519.len()).then_some((Self::Ed25519, 4));
        }
        let (signature, start) = match element.strip_prefix(V1) {
            Some(signature) => (signature, V1.len()),
            // An element with another version has a comma.
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
/// The number of characters of a MAC in base64 with its version, the form of nearly all elements.
const USUAL_LEN: usize = V1.len() + Form::Hmac.len();

/// A signature that a key can have made, and its position in the list.
#[derive(Clone, Copy, Debug, Default)]
struct Candidate {
    form: Form,
    start: u32,
}

/// A list of signatures, with the positions of those that a key can have made.
///
/// Single spaces separate the elements. Each may end with one comma, since some senders join them with a comma and a
/// space, as do proxies that join repeated headers. An element of any other form is skipped, so that it does not hide a
/// valid one.
#[derive(Debug)]
pub(super) struct SignatureList<V = HeaderValue> {
    text: V,
    candidates: Candidates,
}

impl<'h> SignatureList<&'h HeaderValue> {
    /// Splits a list. `has_space` tells whether the text has a space; without one, it is a single element.
    #[inline]
    pub(super) fn split(text: &'h HeaderValue, has_space: bool) -> Self {
        #[cfg(test)]
        tests::SPLIT.with(|split| split.set(split.get() + 1));
        let mut candidates = Candidates::default();
        if has_space {
            candidates.push_all(text.as_bytes());
        } else {
            candidates.push_element(0, text.as_bytes(), &mut 0);
        }
        Self { text, candidates }
    }

    pub(super) fn keep(self) -> SignatureList {
        SignatureList {
            text: self.text.clone(),
            candidates: self.candidates,
        }
    }
}

impl<V: AsRef<[u8]>> SignatureList<V> {
    /// Whether no key of any kind can have made any of the signatures.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.candidates.count == 0
    }

    /// Whether there is a signature of this form.
    #[inline]
    pub(super) fn holds(&self, form: Form) -> bool {
        self.candidates.forms[form as usize]
    }

    /// Returns the number of signatures of any form.
    pub(super) fn len(&self) -> usize {
        self.candidates.count
    }

    /// Returns the signatures of this form, in order and without their version.
    #[inline]
    pub(super) fn of(&self, form: Form) -> impl Iterator<Item = &[u8]> {
        let Candidates {
            count, few, more, ..
        } = &self.candidates;
        let few = &few[..few.len().min(*count)];
        few.iter()
            .chain(more)
            .filter(move |candidate| candidate.form == form)
            .map(move |candidate| {
                let start = candidate.start as usize;
                &self.text.as_ref()[start..start + form.len()]
            })
    }
}

#[derive(Debug, Default)]
struct Candidates {
    /// Which forms there are.
    forms: [bool; 3],
    /// How many candidates there are.
    count: usize,
    /// The first candidates. Nearly always, there is only one.
    few: [Candidate; 4],
    more: Vec<Candidate>,
}

impl Candidates {
    fn push_all(&mut self, text: &[u8]) {
        let mut ed25519 = 0;
        let mut start = 0;
        while start < text.len() {
            let rest = &text[start..];
            // Nearly always, the list is one such element, and a long list consists of such elements.
            if starts_with_usual(rest) {
                self.push(Form::Hmac, start + V1.len());
                start += USUAL_LEN + 1;
                continue;
            }
            // Elements that are shorter than the shortest signature are not signatures. All that end within that length
            // are skipped in one step.
            let Some(first) = rest.first_chunk::<{ Form::Hmac.len() }>() else {
                break;
            };
            if let Some(space) = first.iter().rposition(|byte| *byte == b' ') {
                start += space + 1;
                continue;
            }
            let more = rest[first.len()..].iter();
            let more = more.take_while(|byte| **byte != b' ').count();
            let element = &rest[..first.len() + more];
            self.push_element(start, element, &mut ed25519);
            start += element.len() + 1;
        }
    }

    /// Adds the element at `start` if a key can have made it. `ed25519` counts the elements of that form.
    #[inline]
    fn push_element(&mut self, start: usize, element: &[u8], ed25519: &mut usize) {
        let signed = element.strip_suffix(b",").unwrap_or(element);
        if let Some((form, offset)) = Form::of(signed) {
            *ed25519 += usize::from(form == Form::Ed25519);
            if form != Form::Ed25519 || *ed25519 <= MAX_ED25519 {
                self.push(form, start + offset);
            }
        }
    }

    #[inline]
    fn push(&mut self, form: Form, start: usize) {
        // No header is so long. Anything beyond is skipped.
        let Ok(start) = start.try_into() else {
            return;
        };
        let candidate = Candidate { form, start };
        self.forms[form as usize] = true;
        match self.few.get_mut(self.count) {
            Some(place) => *place = candidate,
            None => self.more.push(candidate),
        }
        self.count += 1;
    }
}

/// Whether `text` starts with an element of the usual length that has the version `v1` and no comma at its end.
fn starts_with_usual(text: &[u8]) -> bool {
    let Some((element, rest)) = text.split_first_chunk::<USUAL_LEN>() else {
        return false;
    };
    // The space is the smallest visible byte, so the minimum tells whether there is one. The minimum is computed
    // sixteen bytes at a time, unlike a search for the first space.
    let has_space = element.iter().copied().min() == Some(b' ');
    matches!(rest, [] | [b' ', ..])
        && element.starts_with(V1)
        && !element.ends_with(b",")
        && !has_space
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    thread_local! {
        /// How many lists this thread has split, for tests of the cost of a delivery.
        pub(in super::super) static SPLIT: Cell<usize> = const { Cell::new(0) };
    }
}
