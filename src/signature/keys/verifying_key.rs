//! The key of a receiver, for either kind of signature.

use std::fmt;
use std::str::FromStr;

#[cfg(feature = "ed25519")]
use super::ed25519::PublicKey;
use super::error::KeyError;
use super::secret::Secret;
use super::text::{KeyText, Role};
use crate::signature::check::Check;
use crate::signature::list::{Form, SignatureList};

/// A key that verifies deliveries: a [`Secret`] or, with the feature `ed25519`, a [`PublicKey`].
///
/// It is needed only to mix both kinds, as in an array that becomes a [`Keyring`](crate::Keyring).
///
/// # Errors
///
/// Parsing returns a [`KeyError`] for a text that is empty, not base64, or not a key of a receiver.
///
/// # Example
///
/// ```
/// # #[cfg(feature = "ed25519")]
/// # fn main() -> Result<(), tower_svix::KeyError> {
/// use tower_svix::{PublicKey, Secret, SvixVerifyLayer, VerifyingKey};
///
/// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// let public: PublicKey = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".parse()?;
/// let layer = SvixVerifyLayer::new([VerifyingKey::from(secret), public.into()]);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "ed25519"))]
/// # fn main() {}
/// ```
///
#[cfg_attr(
    not(feature = "ed25519"),
    doc = "[`PublicKey`]: https://docs.rs/tower-svix/latest/tower_svix/struct.PublicKey.html"
)]
#[derive(Clone)]
pub struct VerifyingKey {
    key: Key,
}

#[derive(Clone)]
enum Key {
    Secret(Secret),
    #[cfg(feature = "ed25519")]
    Public(PublicKey),
}

impl VerifyingKey {
    /// Returns the form of the signatures that this key makes.
    #[inline]
    pub(in crate::signature) fn form(&self) -> Form {
        match &self.key {
            Key::Secret(secret) => secret.form(),
            #[cfg(feature = "ed25519")]
            Key::Public(_) => Form::Ed25519,
        }
    }

    /// Starts the next pass over a delivery with this key, or returns `None` if none is left. `attempt` counts from 0,
    /// and this method advances it.
    ///
    /// A MAC is computed once, and not at all if the list has no signature of its form. An ed25519 signature that
    /// cannot be valid for any message makes no pass.
    #[inline]
    pub(in crate::signature) fn check<V: AsRef<[u8]>>(
        &self,
        signatures: &SignatureList<V>,
        attempt: &mut usize,
    ) -> Option<Check> {
        match &self.key {
            Key::Secret(secret) if *attempt == 0 && signatures.holds(secret.form()) => {
                *attempt = 1;
                Some(secret.start())
            }
            Key::Secret(_) => None,
            #[cfg(feature = "ed25519")]
            Key::Public(key) => {
                let left = signatures.of(Form::Ed25519).skip(*attempt);
                let mut left = left.inspect(|_| *attempt += 1);
                left.find_map(|signature| key.start(signature))
                    .map(Check::Ed25519)
            }
        }
    }
}

impl From<Secret> for VerifyingKey {
    fn from(secret: Secret) -> Self {
        let key = Key::Secret(secret);
        Self { key }
    }
}

#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
impl From<PublicKey> for VerifyingKey {
    fn from(key: PublicKey) -> Self {
        let key = Key::Public(key);
        Self { key }
    }
}

impl FromStr for VerifyingKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        match KeyText::read(text).role {
            Role::Secret | Role::Bare => text.parse::<Secret>().map(Self::from),
            #[cfg(feature = "ed25519")]
            Role::Public => text.parse::<PublicKey>().map(Self::from),
            #[cfg(not(feature = "ed25519"))]
            Role::Public => Err(KeyError::Ed25519Unsupported),
            Role::Private => Err(KeyError::PrivateKey),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Key::Secret(secret) => secret.fmt(f),
            #[cfg(feature = "ed25519")]
            Key::Public(key) => key.fmt(f),
        }
    }
}
