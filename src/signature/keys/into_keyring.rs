//! The types that a receiver takes as its keys.

use super::keyring::Keyring;

/// Conversion into a [`Keyring`], the keys of a receiver. Every type that implements `Into<Keyring>` has it.
///
/// It exists so that the compiler says what to do with a text that is passed as a key. This does not compile:
///
/// ```compile_fail,E0277
/// use tower_svix::SvixVerifyLayer;
///
/// let layer = SvixVerifyLayer::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned());
/// ```
///
/// A text must be parsed first:
///
/// ```
/// use tower_svix::{Secret, SvixVerifyLayer};
///
/// let text = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned();
/// let layer = SvixVerifyLayer::new(text.parse::<Secret>()?);
/// # Ok::<(), tower_svix::KeyError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a key that deliveries are verified with",
    label = "expected a `Secret`, a `PublicKey`, a `Keyring`, or an array or `Vec` of keys",
    note = "parse the text of a key: `text.parse::<Secret>()?`, or `text.parse::<Keyring>()?` if it holds several"
)]
pub trait IntoKeyring {
    /// Converts into a keyring.
    fn into_keyring(self) -> Keyring;
}

#[diagnostic::do_not_recommend]
impl<K: Into<Keyring>> IntoKeyring for K {
    fn into_keyring(self) -> Keyring {
        self.into()
    }
}
