//! The keys of a receiver, and how they are replaced while requests run.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arc_swap::ArcSwap;

#[cfg(feature = "ed25519")]
use super::check;
use super::check::Check;
#[cfg(feature = "ed25519")]
use super::ed25519::PublicKey;
use super::error::KeyError;
use super::headers::SignatureHeaders;
use super::key_text::KeyText;
use super::secret::Secret;

/// The keys of one receiver: a delivery is verified if any of them signed it.
///
/// Usually it holds one [`Secret`]; during a rotation, the new and the old. With the feature `ed25519`, it also takes
/// public keys. A keyring without any key rejects every delivery.
///
/// It is made of whatever converts into one: a [`Secret`], a public key, another keyring, or an array or `Vec` of these.
/// Of the keyrings that are put into another one, only the keys at that moment are taken. It can also be parsed from text:
/// one key, or several that are separated by white space, commas or `|`.
///
/// # Clone
///
/// A keyring is a handle: its clones share the keys, so that a clone kept aside can
/// [`replace`](Self::replace) the keys of a layer while requests run.
///
/// # Errors
///
/// Parsing fails with a [`KeyError`] if a part of the text is no key of a receiver, or if there is none.
///
/// # Example
///
/// ```
/// use tower_svix::{Keyring, Secret, SvixVerifyLayer};
///
/// # fn main() -> Result<(), tower_svix::KeyError> {
/// let old: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// let keyring = Keyring::from(old.clone());
/// let layer = SvixVerifyLayer::new(keyring.clone());
///
/// // Later, the portal shows a new secret, and goes on signing with both for a while:
/// let new: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// keyring.replace([new, old]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Keyring {
    tenant: Option<Arc<str>>,
    keys: Arc<ArcSwap<Vec<Key>>>,
}

/// A key that verifies.
#[derive(Clone)]
pub(super) enum Key {
    Secret(Secret),
    #[cfg(feature = "ed25519")]
    Public(PublicKey),
}

/// The keys of a keyring at one moment. A request that started under them finishes under them.
pub(super) struct KeySet {
    pub(super) tenant: Option<Arc<str>>,
    pub(super) keys: Arc<Vec<Key>>,
}

impl Keyring {
    /// Says whose keys these are. The keyring shares its keys with the one without a tenant.
    ///
    /// The tenant is in each event that the keyring verifies: see [`VerifiedEvent::tenant`](crate::VerifiedEvent::tenant).
    #[must_use]
    pub fn tenant(mut self, name: &str) -> Self {
        self.tenant = Some(name.into());
        self
    }

    /// Replaces the keys in this handle and all its clones, for the requests to come. The tenant stays.
    ///
    /// Neither this nor the requests wait for a lock.
    pub fn replace(&self, keys: impl Into<Self>) {
        self.keys.store(keys.into().keys.load_full());
    }

    pub(super) fn snapshot(&self) -> KeySet {
        KeySet {
            tenant: self.tenant.clone(),
            keys: self.keys.load_full(),
        }
    }

    fn of(keys: Vec<Key>) -> Self {
        Self {
            tenant: None,
            keys: Arc::new(ArcSwap::from_pointee(keys)),
        }
    }
}

impl Key {
    /// Starts the `attempt`th pass over a delivery with this key, counted from 0, or returns `None` if none is left.
    ///
    /// A MAC is computed once, and not at all if no signature is listed that it could be compared with.
    pub(super) fn check(&self, headers: &SignatureHeaders, attempt: usize) -> Option<Check> {
        match self {
            Self::Secret(secret) if attempt == 0 => secret.check(headers),
            Self::Secret(_) => None,
            #[cfg(feature = "ed25519")]
            Self::Public(key) => {
                let signature = check::ed25519_signatures(headers).nth(attempt)?;
                Some(Check::Ed25519(key.start(signature)))
            }
        }
    }
}

impl From<Secret> for Keyring {
    fn from(secret: Secret) -> Self {
        Self::of(vec![Key::Secret(secret)])
    }
}

#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
impl From<PublicKey> for Keyring {
    fn from(key: PublicKey) -> Self {
        Self::of(vec![Key::Public(key)])
    }
}

impl<K: Into<Keyring>, const N: usize> From<[K; N]> for Keyring {
    fn from(keys: [K; N]) -> Self {
        Self::from_iter(keys)
    }
}

impl<K: Into<Keyring>> From<Vec<K>> for Keyring {
    fn from(keys: Vec<K>) -> Self {
        Self::from_iter(keys)
    }
}

impl<K: Into<Keyring>> FromIterator<K> for Keyring {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let keys_of = |keyring: K| Vec::clone(&keyring.into().keys.load());
        Self::of(keys.into_iter().flat_map(keys_of).collect())
    }
}

impl FromStr for Keyring {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let separates =
            |character: char| character.is_ascii_whitespace() || matches!(character, ',' | '|');
        let keys = text
            .split(separates)
            .filter(|key| !key.is_empty())
            .map(Key::from_str)
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(KeyError::Empty);
        }
        Ok(Self::of(keys))
    }
}

impl TryFrom<&str> for Keyring {
    type Error = KeyError;

    fn try_from(text: &str) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        match KeyText::read(text) {
            KeyText::Secret(_) | KeyText::Bare(_) => text.parse().map(Self::Secret),
            #[cfg(feature = "ed25519")]
            KeyText::Public(_) => text.parse().map(Self::Public),
            #[cfg(not(feature = "ed25519"))]
            KeyText::Public(_) => Err(KeyError::Ed25519Unsupported),
            KeyText::Private(_) => Err(KeyError::PrivateKey),
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("tenant", &self.tenant)
            .field("keys", &*self.keys.load())
            .finish()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(secret) => secret.fmt(f),
            #[cfg(feature = "ed25519")]
            Self::Public(key) => key.fmt(f),
        }
    }
}
