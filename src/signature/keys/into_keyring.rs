//! What a receiver can be given as its keys.

use super::keyring::Keyring;

/// What is, or becomes, the keys of a receiver: whatever converts into a [`Keyring`].
///
/// Implemented for all types that implement `Into<Keyring>`, and for no others. It is there for the compiler to say what to
/// do with a text that is given as a key:
///
/// ```compile_fail,E0277
/// use tower_svix::SvixVerifyLayer;
///
/// let layer = SvixVerifyLayer::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".to_owned());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a key that deliveries are verified with",
    label = "expected a `Secret`, a `PublicKey`, a `Keyring`, or an array or `Vec` of keys",
    note = "parse the text of a key: `text.parse::<Secret>()?`, or `text.parse::<Keyring>()?` if it holds several"
)]
pub trait IntoKeyring {
    /// Makes the keyring.
    fn into_keyring(self) -> Keyring;
}

#[diagnostic::do_not_recommend]
impl<K: Into<Keyring>> IntoKeyring for K {
    fn into_keyring(self) -> Keyring {
        self.into()
    }
}
