//! The keys that may have signed a delivery, and how they are replaced while requests run.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::secret::Secret;

/// The keys of one receiver: a delivery is verified if any of them signed it.
///
/// Usually it holds one [`Secret`]; during a rotation, the new and the old. A keyring without any key refuses every
/// delivery.
///
/// # Clone
///
/// A keyring is a handle: its clones share the keys, so that a clone kept aside can
/// [`replace`](Self::replace) the keys of a layer while requests run.
///
/// # Example
///
/// ```
/// use tower_svix::{Keyring, Secret, SvixVerifyLayer};
///
/// # fn main() -> Result<(), tower_svix::SecretError> {
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
    name: Option<Arc<str>>,
    secrets: Arc<ArcSwap<Vec<Secret>>>,
}

/// The keys of a keyring at one moment. A request that started under them finishes under them.
pub(super) struct KeySet {
    pub(super) name: Option<Arc<str>>,
    pub(super) secrets: Arc<Vec<Secret>>,
}

impl Keyring {
    /// Gives the keyring a name, such as the tenant whose keys it holds. It shares its keys with the unnamed one.
    ///
    /// The name is in each event that the keyring verifies: see
    /// [`VerifiedEvent::keyring_name`](crate::VerifiedEvent::keyring_name).
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Replaces the keys in this handle and all its clones, for the requests to come.
    ///
    /// Neither this nor the requests wait for a lock.
    pub fn replace(&self, secrets: impl IntoIterator<Item = Secret>) {
        self.secrets.store(Arc::new(secrets.into_iter().collect()));
    }

    pub(super) fn snapshot(&self) -> KeySet {
        KeySet {
            name: self.name.clone(),
            secrets: self.secrets.load_full(),
        }
    }
}

impl From<Secret> for Keyring {
    fn from(secret: Secret) -> Self {
        Self::from_iter([secret])
    }
}

impl<const N: usize> From<[Secret; N]> for Keyring {
    fn from(secrets: [Secret; N]) -> Self {
        Self::from_iter(secrets)
    }
}

impl From<Vec<Secret>> for Keyring {
    fn from(secrets: Vec<Secret>) -> Self {
        Self::from_iter(secrets)
    }
}

impl FromIterator<Secret> for Keyring {
    fn from_iter<I: IntoIterator<Item = Secret>>(secrets: I) -> Self {
        let secrets = Vec::from_iter(secrets);
        Self {
            name: None,
            secrets: Arc::new(ArcSwap::from_pointee(secrets)),
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("name", &self.name)
            .field("secrets", &*self.secrets.load())
            .finish()
    }
}
