//! What a claim is made on, and by whom.

use std::fmt;
use std::sync::Arc;

use crate::random::{self, RandomnessUnavailable};
use crate::signature::VerifiedEvent;

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
        Self { text: text.into() }
    }

    /// The key as one text: no two keys have the same.
    ///
    /// It is `:id`, or `length:tenant:id` with the length of the tenant in bytes. A store can use it as it is.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<&VerifiedEvent> for EventKey {
    fn from(event: &VerifiedEvent) -> Self {
        Self::new(event.tenant(), event.id())
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
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
