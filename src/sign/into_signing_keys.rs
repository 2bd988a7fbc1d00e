//! Conversion into the keys of a sender.

#[cfg(feature = "ed25519")]
use crate::signature::PrivateKey;
use crate::signature::{Secret, SigningKey};

/// A type that converts into the keys of a sender: a [`Secret`], a [`PrivateKey`], a [`SigningKey`],
/// or an array or [`Vec`] of these.
///
/// With several keys, as during a rotation, each delivery lists one signature for each key.
///
/// ```
/// use tower_svix::{Secret, SvixSignLayer};
///
/// # fn main() -> Result<(), tower_svix::KeyError> {
/// let new: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// let old: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// let layer = SvixSignLayer::new([new, old]);
/// # Ok(())
/// # }
/// ```
///
/// A text must be parsed first. This does not compile:
///
/// ```compile_fail,E0277
/// use tower_svix::SvixSignLayer;
///
/// let layer = SvixSignLayer::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a key that deliveries are signed with",
    label = "expected a `Secret`, a `PrivateKey`, a `SigningKey`, or an array or `Vec` of these",
    note = "parse the text of a key: `text.parse::<SigningKey>()?`"
)]
pub trait IntoSigningKeys {
    /// Converts into a list of keys.
    fn into_signing_keys(self) -> Vec<SigningKey>;
}

impl IntoSigningKeys for SigningKey {
    fn into_signing_keys(self) -> Vec<SigningKey> {
        vec![self]
    }
}

impl IntoSigningKeys for Secret {
    fn into_signing_keys(self) -> Vec<SigningKey> {
        vec![self.into()]
    }
}

#[cfg(feature = "ed25519")]
#[cfg_attr(docsrs, doc(cfg(feature = "ed25519")))]
impl IntoSigningKeys for PrivateKey {
    fn into_signing_keys(self) -> Vec<SigningKey> {
        vec![self.into()]
    }
}

impl<K: IntoSigningKeys, const N: usize> IntoSigningKeys for [K; N] {
    fn into_signing_keys(self) -> Vec<SigningKey> {
        let keys = self.into_iter();
        keys.flat_map(IntoSigningKeys::into_signing_keys).collect()
    }
}

impl<K: IntoSigningKeys> IntoSigningKeys for Vec<K> {
    fn into_signing_keys(self) -> Vec<SigningKey> {
        let keys = self.into_iter();
        keys.flat_map(IntoSigningKeys::into_signing_keys).collect()
    }
}
