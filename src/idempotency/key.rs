//! What a claim is made on, and by whom.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::random::{self, RandomnessUnavailable};
use crate::signature::VerifiedEvent;

/// Bytes of a key up to which it is kept as it is.
const MAX_LEN: usize = 512;
/// Bytes of a key that are shown to people.
const MAX_SHOWN: usize = 256;

/// What makes two deliveries the same event: the tenant, if the keyring names one, and the id.
///
/// The key that signed is not a part of it: a delivery that is retried after a rotation is still the same event. Neither
/// is the payload, unless [`IdempotencyLayer::key`](crate::IdempotencyLayer::key) says so. A clone shares the text and
/// allocates nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    text: Arc<str>,
}

impl EventKey {
    /// The key of the event `id` of this tenant, or of no tenant if the keyring that verified it names none.
    ///
    /// `id` is the one of the headers, or any other text that tells events apart.
    #[must_use]
    pub fn new(tenant: Option<&str>, id: &str) -> Self {
        // The length keeps tenant `a` with the id `b:c` apart from tenant `a:b` with the id `c`.
        let text = match tenant {
            Some(tenant) => format!("{}:{tenant}:{id}", tenant.len()),
            None => format!(":{id}"),
        };
        let text = if text.len() > MAX_LEN {
            abridged(&text)
        } else {
            text
        };
        Self { text: text.into() }
    }

    /// The key as one text: no two keys have the same.
    ///
    /// It is `:id`, or `length:tenant:id` with the length of the tenant in bytes. If that has more than 512 bytes, it is
    /// what fits into 512 bytes of it, a colon, and the SHA-256 of all of it in hexadecimal digits: no key has more than
    /// 577 bytes, whatever the sender writes. A store can use it as it is.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The start of a long key and a hash of all of it. It is longer than any key that is kept as it is, so that it is none
/// of those.
fn abridged(text: &str) -> String {
    let mut end = MAX_LEN;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut abridged = String::with_capacity(end + 1 + 64);
    abridged.push_str(&text[..end]);
    abridged.push(':');
    for byte in Sha256::digest(text) {
        write!(abridged, "{byte:02x}").expect("a `String` takes any text");
    }
    abridged
}

impl From<&VerifiedEvent> for EventKey {
    fn from(event: &VerifiedEvent) -> Self {
        Self::new(event.tenant(), event.id())
    }
}

/// Writes the key for people to read, on one line: what is neither visible ASCII nor a space is escaped, and what is
/// beyond 256 bytes is left out, so that an id cannot forge a line of a log. Two keys can be shown alike: a store uses
/// [`as_str`](EventKey::as_str).
impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut room = MAX_SHOWN;
        for character in self.text.chars() {
            let is_plain = matches!(character, ' '..='~') && character != '\\';
            let len = if is_plain {
                1
            } else {
                character.escape_default().len()
            };
            let Some(rest) = room.checked_sub(len) else {
                return f.write_str("...");
            };
            room = rest;
            if is_plain {
                f.write_char(character)?;
            } else {
                write!(f, "{}", character.escape_default())?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventKey").field(&self.as_str()).finish()
    }
}

/// Tells one delivery's claim from every other claim, on any machine and at any time: 128 random bits.
///
/// It fences a holder that outlived its lease: it cannot settle a claim that has another token by now.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClaimToken([u8; 16]);

impl ClaimToken {
    /// A new token, from the operating system's random numbers.
    ///
    /// # Errors
    ///
    /// [`RandomnessUnavailable`] if the system has none to give: without a token, nothing can be claimed.
    pub fn random() -> Result<Self, RandomnessUnavailable> {
        let mut bytes = [0; 16];
        random::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The 16 bytes of the token.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A token of these 16 bytes, to test a store with.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

/// Writes 32 hexadecimal digits.
impl fmt::Display for ClaimToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for ClaimToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClaimToken({self})")
    }
}
