//! The keys of a receiver, and how they are replaced while requests run.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

#[cfg(feature = "ed25519")]
use super::ed25519::PublicKey;
use super::error::KeyError;
use super::looks;
use super::secret::Secret;
use super::text::{self, KeyText, Role};
use super::verifying_key::VerifyingKey;

/// The keys of one receiver: a delivery is verified if any of them signed it.
///
/// Usually it holds one [`Secret`]; during a rotation, the new and the old. With the feature `ed25519`, it also takes
/// public keys. A keyring without any key rejects every delivery.
///
/// It is made of a [`Secret`], a public key, a [`VerifyingKey`], or an array or `Vec` of these.
///
/// It can also be parsed from text: one key, or several that are separated by white space, commas or `|`, as
/// `whsec_…,whsec_…` or `v1,whsec_…|v1,whsec_…`. Of several, each must have its prefix, `whsec_` or `whpk_`, and may have its
/// version before that: without a prefix, any word that gets into the text would be a key, and so would each half of a
/// secret that a line break splits. With the feature `serde`, a keyring is deserialised from such a text, or from a list of
/// texts of one key each.
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
/// # Examples
///
/// A new key beside an old one, while requests run:
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
///
/// All keys from one variable of the environment:
///
/// ```no_run
/// use tower_svix::{Keyring, SvixVerifyLayer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keyring: Keyring = std::env::var("WEBHOOK_SECRETS")?.parse()?;
/// let layer = SvixVerifyLayer::new(keyring);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Keyring {
    tenant: Option<Arc<str>>,
    keys: Arc<ArcSwap<Vec<VerifyingKey>>>,
}

/// The keys of a keyring at one moment. A request that started under them finishes under them.
pub(in crate::signature) struct KeySet {
    pub(in crate::signature) tenant: Option<Arc<str>>,
    keys: Guard<Arc<Vec<VerifyingKey>>>,
    is_kept: bool,
}

impl KeySet {
    #[inline]
    pub(in crate::signature) fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }

    /// Makes them fit to be held over a wait. Before, no reference count is touched, but a thread has few places for such
    /// guards, and a key is not freed while one is held.
    pub(in crate::signature) fn keep(&mut self) {
        if !self.is_kept {
            self.keys = Guard::from_inner(Arc::clone(&self.keys));
            self.is_kept = true;
        }
    }
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

    /// How many keys there are of each form of signatures.
    pub(crate) fn forms(&self) -> [usize; 3] {
        let mut forms = [0; 3];
        for key in self.keys.load().iter() {
            forms[key.form() as usize] += 1;
        }
        forms
    }

    #[inline]
    pub(in crate::signature) fn snapshot(&self) -> KeySet {
        KeySet {
            tenant: self.tenant.clone(),
            keys: self.keys.load(),
            is_kept: false,
        }
    }
}

impl From<VerifyingKey> for Keyring {
    fn from(key: VerifyingKey) -> Self {
        Self::from_iter([key])
    }
}

impl From<Secret> for Keyring {
    fn from(secret: Secret) -> Self {
        Self::from_iter([secret])
    }
}

#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
impl From<PublicKey> for Keyring {
    fn from(key: PublicKey) -> Self {
        Self::from_iter([key])
    }
}

impl<K: Into<VerifyingKey>, const N: usize> From<[K; N]> for Keyring {
    fn from(keys: [K; N]) -> Self {
        Self::from_iter(keys)
    }
}

impl<K: Into<VerifyingKey>> From<Vec<K>> for Keyring {
    fn from(keys: Vec<K>) -> Self {
        Self::from_iter(keys)
    }
}

impl<K: Into<VerifyingKey>> FromIterator<K> for Keyring {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        Self {
            tenant: None,
            keys: Arc::new(ArcSwap::from_pointee(keys)),
        }
    }
}

impl FromStr for Keyring {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let whole = KeyText::read(text);
        if whole.role == Role::Bare
            && let Some(error) = looks::wrapping(whole.whole)
        {
            return Err(error);
        }
        let parts: Vec<_> = text::parts(text).collect();
        if parts.is_empty() {
            return Err(KeyError::Empty);
        }
        let mut keys = parts.iter().map(|part| KeyText::read(part));
        if parts.len() > 1
            && let Some(key) = keys.find(|key| key.role == Role::Bare)
        {
            return Err(looks::diagnose_one_of_several(&key));
        }
        parts.into_iter().map(VerifyingKey::from_str).collect()
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
