//! The key that is claimed, and the token that it is claimed with.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::random::{self, RandomnessUnavailable};
use crate::signature::VerifiedEvent;

/// The length up to which a key is kept unchanged, in bytes.
const MAX_LEN: usize = 512;
/// The number of bytes of a key that `Display` shows.
const MAX_SHOWN: usize = 256;

/// The key under which a [`Store`](super::Store) remembers an event: the tenant, if the keyring names one, and the id.
///
/// Two deliveries with the same key are deliveries of the same event. The key that signed a delivery is not a part of
/// it, so that a retry after a rotation is still the same event. The payload is not a part of it either, unless
/// [`IdempotencyLayer::key`](crate::IdempotencyLayer::key) adds it. A clone shares the text and allocates nothing.
///
/// # Example
///
/// ```
/// use tower_svix::idempotency::EventKey;
///
/// assert_eq!(EventKey::new(None, "msg_1").as_str(), ":msg_1");
/// assert_eq!(EventKey::new(Some("acme"), "msg_1").as_str(), "4:acme:msg_1");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    text: Arc<str>,
}

impl EventKey {
    /// Returns the key of the event `id` of this tenant. `None` is for a keyring that names no tenant.
    ///
    /// `id` is the id in the headers, or any other text that identifies an event.
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

    /// Returns the key as a text that is unique to it, for a store to use unchanged.
    ///
    /// The text is `:id`, or `length:tenant:id` with the length of the tenant in bytes. If that has more than 512
    /// bytes, the text is as much of it as fits into 512 bytes, a colon, and the SHA-256 of all of it in hexadecimal
    /// digits. So no key has more than 577 bytes, whatever the sender writes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Returns the start of a long key and a hash of all of it. The result is longer than any key that is kept unchanged,
/// so that it cannot be equal to one of those.
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

/// Writes the key for people to read, on one line, so that an id cannot forge a line of a log: all but visible ASCII
/// and spaces is escaped, and the text is cut after 256 bytes. Two keys can look the same: a store uses
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

/// A random number of 128 bits that identifies one delivery's claim, on any machine and at any time.
///
/// A delivery that outlived its lease cannot complete or release the claim of another delivery, because that claim has
/// another token. See [`conformance`](crate::test_util::conformance) for tests of a store that use it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClaimToken([u8; 16]);

impl ClaimToken {
    /// Makes a new token from the operating system's random numbers.
    ///
    /// # Errors
    ///
    /// Returns [`RandomnessUnavailable`] if the system provides none. Without a token, nothing can be claimed.
    pub fn random() -> Result<Self, RandomnessUnavailable> {
        let mut bytes = [0; 16];
        random::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Returns the 16 bytes of the token.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Makes a token from these 16 bytes, to test a store with.
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
