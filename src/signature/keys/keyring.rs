//! The keys of a receiver, which can be replaced while requests run.

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

/// The keys of a receiver, or of one of its tenants. Any of them may verify a delivery.
///
/// Usually it has one [`Secret`]; during a rotation, it has the new and the old one. With the feature `ed25519`, it
/// also takes a [`PublicKey`]. A keyring without any key rejects every delivery.
///
/// A [`Secret`], a `PublicKey`, a [`VerifyingKey`], and an array or `Vec` of these convert into a keyring. It can also
/// be parsed from text, as below.
///
/// # Clone
///
/// A keyring is a handle. Its clones share the keys, so you can keep a clone and [`replace`](Self::replace) the keys of
/// a layer while requests run.
///
/// # Parsing
///
/// The text is one key, or several that are separated by white space, commas or `|`, such as `whsec_…,whsec_…` or
/// `v1,whsec_…|v1,whsec_…`. If there are several, each must have its prefix, `whsec_` or `whpk_`, and may have its
/// version before that. Without a prefix, any stray word in the text would be a key, and so would each half of a secret
/// that a line break splits. With the feature `serde`, a keyring is deserialised from such a text, or from a list of
/// texts with one key each.
///
/// # Errors
///
/// Parsing returns a [`KeyError`] if the text has no key, or if a part of it is not a key of a receiver.
///
/// # Examples
///
/// Adding a new key beside an old one, while requests run:
///
/// ```
/// use tower_svix::{Keyring, Secret, SvixVerifyLayer};
///
/// # fn main() -> Result<(), tower_svix::KeyError> {
/// let old: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// let keyring = Keyring::from(old.clone());
/// let layer = SvixVerifyLayer::new(keyring.clone());
///
/// // Later, the portal shows a new secret, and the sender signs with both for a while:
/// let new: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// keyring.replace([new, old]);
/// # Ok(())
/// # }
/// ```
///
/// All keys from one environment variable:
///
/// ```no_run
/// use tower_svix::{Keyring, SvixVerifyLayer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keyring: Keyring = std::env::var("WEBHOOK_SECRET")
///     .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
///     .parse()?;
/// let layer = SvixVerifyLayer::new(keyring);
/// # Ok(())
/// # }
/// ```
///
/// Keys from a file of configuration, with the feature `serde`:
///
/// ```
/// # #[cfg(feature = "serde")]
/// # fn main() -> Result<(), serde_json::Error> {
/// use serde::Deserialize;
/// use tower_svix::Keyring;
///
/// #[derive(Deserialize)]
/// struct Config {
///     webhook_secrets: Keyring,
/// }
///
/// let config: Config = serde_json::from_str(
///     r#"{"webhook_secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]}"#,
/// )?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "serde"))]
/// # fn main() {}
/// ```
///
#[cfg_attr(
    not(feature = "ed25519"),
    doc = "[`PublicKey`]: https://docs.rs/tower-svix/latest/tower_svix/struct.PublicKey.html"
)]
#[doc(alias = "rotation")]
#[derive(Clone)]
pub struct Keyring {
    tenant: Option<Arc<str>>,
    keys: Arc<ArcSwap<Vec<VerifyingKey>>>,
}

/// The keys of a keyring at one moment. A request that starts with them finishes with them.
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

    /// Prepares the keys for a wait. Until then, they are behind a guard that leaves the reference count alone. A
    /// thread has only a few places for such guards, and no key is freed while one exists.
    pub(in crate::signature) fn keep(&mut self) {
        if !self.is_kept {
            self.keys = Guard::from_inner(Arc::clone(&self.keys));
            self.is_kept = true;
        }
    }
}

impl Keyring {
    /// Sets the name of the tenant whose keys these are. Clones share the keys, but each has its own tenant.
    ///
    /// Each event that the keyring verifies has this tenant: see
    /// [`VerifiedEvent::tenant`](crate::VerifiedEvent::tenant). For the keyrings of many tenants, see
    /// [`KeyringMap`](crate::KeyringMap).
    #[must_use]
    pub fn tenant(mut self, name: &str) -> Self {
        self.tenant = Some(name.into());
        self
    }

    /// Replaces the keys in this handle and all its clones, for later requests. The tenant stays.
    ///
    /// Neither this call nor a request waits for a lock. See [above](Self#examples) for an example.
    #[doc(alias = "rotate")]
    pub fn replace(&self, keys: impl Into<Self>) {
        self.keys.store(keys.into().keys.load_full());
    }

    /// Returns the number of keys for each form of signatures.
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
