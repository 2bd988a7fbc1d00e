//! The keys that may have signed a delivery.

use std::sync::Arc;

use super::secret::Secret;

/// The keys of one receiver: a delivery is verified if any of them signed it.
///
/// Usually it holds one [`Secret`]; during a rotation, the new and the old. A keyring without any key refuses every
/// delivery.
///
/// ```
/// use tower_svix::{Keyring, Secret};
///
/// # fn main() -> Result<(), tower_svix::SecretError> {
/// let new: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// let old: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// let keyring = Keyring::from([new, old]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Keyring {
    secrets: Arc<[Secret]>,
}

impl Keyring {
    pub(super) fn get(&self, index: usize) -> Option<&Secret> {
        self.secrets.get(index)
    }
}

impl From<Secret> for Keyring {
    fn from(secret: Secret) -> Self {
        Self::from([secret])
    }
}

impl<const N: usize> From<[Secret; N]> for Keyring {
    fn from(secrets: [Secret; N]) -> Self {
        Self {
            secrets: Arc::new(secrets),
        }
    }
}

impl From<Vec<Secret>> for Keyring {
    fn from(secrets: Vec<Secret>) -> Self {
        Self {
            secrets: secrets.into(),
        }
    }
}

impl FromIterator<Secret> for Keyring {
    fn from_iter<I: IntoIterator<Item = Secret>>(secrets: I) -> Self {
        Self {
            secrets: secrets.into_iter().collect(),
        }
    }
}
