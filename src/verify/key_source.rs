//! Where the keys of a request come from.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::{Arc, LazyLock};

use http::request;

use crate::signature::{Keyring, Secret};

/// Looks up the keys that may have signed a request.
///
/// This lets one endpoint serve many tenants, each with its own keys. The lookup sees the
/// [`Parts`](request::Parts) of the request: path, host, headers and extensions. None of them is verified at that time,
/// nor need they be: they only choose the keys that the signature must then match.
///
/// It is implemented for
///
/// - [`Keyring`]: the same keys for every request;
/// - [`KeyringMap`](crate::KeyringMap): keyrings by a segment of the path or by a header;
/// - [`key_source_fn`]: a function from `&Parts` to a future, which an async block makes;
/// - `Arc<K>` of any of these.
///
/// The lookup runs after the checks of the headers and before the body is read, so that a request without a timely
/// delivery in it costs none.
///
/// - `Ok(Some(keyring))`: these keys. Name the [tenant](Keyring::tenant) in the keyring, and the verified event says
///   whose it is. Without that, all tenants share one namespace of ids in `IdempotencyLayer`, and an event with the id
///   of another tenant's passes for a duplicate. Take the name from what the lookup found, not from what the request
///   said: if `AcMe` finds `acme` too, a delivery could be replayed under each spelling.
/// - `Ok(None)`: nobody is known there. The request is answered exactly as if its signature were wrong, after the work
///   that a [decoy](Self::decoy) of a key makes.
/// - `Err(_)`: the lookup failed. The request is answered with 503 and `Retry-After`, so that the sender retries, and
///   logged with the error.
///
/// # Example
///
/// ```
/// use http::request::Parts;
/// use tower_svix::{Keyring, Secret, SvixVerifyLayer, key_source_fn};
///
/// # #[derive(Clone)]
/// # struct Database;
/// # type DatabaseError = std::io::Error;
/// struct Tenant {
///     name: String,
///     secrets: Vec<Secret>,
/// }
///
/// impl Database {
///     async fn tenant(&self, name: &str) -> Result<Option<Tenant>, DatabaseError> {
///         // …
/// #       Ok(None)
///     }
/// }
///
/// # let database = Database;
/// let layer = SvixVerifyLayer::with_key_source(key_source_fn(move |head: &Parts| {
///     let database = database.clone();
///     let name = head.uri.path().trim_start_matches("/webhooks/").to_owned();
///     async move {
///         let found = database.tenant(&name).await?;
///         Ok::<_, DatabaseError>(found.map(|tenant| Keyring::from(tenant.secrets).tenant(&tenant.name)))
///     }
/// }));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of keys",
    note = "an async function or a closure becomes one with `key_source_fn`; keys that are the same for all requests are \
            given to `SvixVerifyLayer::new`"
)]
pub trait KeySource {
    /// Why a lookup failed. The error and its sources are logged: they must hold no secret, and had better not repeat what
    /// the request said, since nobody has verified it.
    type Error: Into<Box<dyn Error + Send + Sync>>;
    /// The lookup under way.
    type Future: Future<Output = Result<Option<Keyring>, Self::Error>>;

    /// Starts to look up the keys for the request of which `head` is all but the body.
    fn keys(&self, head: &request::Parts) -> Self::Future;

    /// Returns the keys if they are at hand, so that no lookup has to be started, and no reference counted. Default: `None`,
    /// which means that [`keys`](Self::keys) is asked.
    ///
    /// For sources that have the same keys for every request: one that had those of some tenants at hand would tell these
    /// from the others by the time that a rejection takes.
    fn known_keys(&self, head: &request::Parts) -> Option<&Keyring> {
        let _ = head;
        None
    }

    /// Whether all requests belong to one receiver, however its keys are found. Default: `false`.
    ///
    /// If the lookup returns `None` all the same, the [decoy](Self::decoy) decides.
    ///
    /// If so, a delivery without any signature of a form that one of the keys makes is rejected before its body is read, with
    /// [`NoSupportedSignature`](crate::VerifyError::NoSupportedSignature). Among tenants, this early answer would tell a tenant that exists from one that
    /// does not, or one with a public key from one with a secret: there, the body is read first.
    fn is_single_tenant(&self) -> bool {
        false
    }

    /// The keys that stand in for those of a tenant that does not exist. Nothing that they verify is let through.
    ///
    /// They are there for the time that a rejection takes, which should not tell whether a tenant exists. Default: one HMAC
    /// secret. If your tenants usually have several keys, or public ones, return as many of the same kind.
    fn decoy(&self) -> Keyring {
        default_decoy()
    }
}

/// A keyring with a single HMAC secret.
pub(super) fn default_decoy() -> Keyring {
    static DECOY: LazyLock<Keyring> = LazyLock::new(|| {
        let secret = Secret::from_bytes(b"a decoy vouches for nothing");
        // With a name, as the keyrings of tenants usually have one: to copy it takes time too.
        Keyring::from(secret.expect("it is not empty")).tenant("nobody")
    });
    DECOY.clone()
}

impl KeySource for Keyring {
    type Error = Infallible;
    type Future = Ready<Result<Option<Keyring>, Infallible>>;

    fn keys(&self, _: &request::Parts) -> Self::Future {
        ready(Ok(Some(self.clone())))
    }

    #[inline]
    fn known_keys(&self, _: &request::Parts) -> Option<&Keyring> {
        Some(self)
    }

    fn is_single_tenant(&self) -> bool {
        true
    }
}

impl<K: KeySource + ?Sized> KeySource for Arc<K> {
    type Error = K::Error;
    type Future = K::Future;

    fn keys(&self, head: &request::Parts) -> Self::Future {
        (**self).keys(head)
    }

    fn known_keys(&self, head: &request::Parts) -> Option<&Keyring> {
        (**self).known_keys(head)
    }

    fn is_single_tenant(&self) -> bool {
        (**self).is_single_tenant()
    }

    fn decoy(&self) -> Keyring {
        (**self).decoy()
    }
}

/// Makes a [`KeySource`] of an async function.
///
/// It is for several tenants: a source with one receiver implements [`KeySource`] itself, with
/// [`is_single_tenant`](KeySource::is_single_tenant).
///
/// See [`KeySource`] for an example.
pub fn key_source_fn<F, Fut, E>(lookup: F) -> KeySourceFn<F>
where
    F: Fn(&request::Parts) -> Fut,
    Fut: Future<Output = Result<Option<Keyring>, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    KeySourceFn { lookup }
}

/// A [`KeySource`] that [`key_source_fn`] made.
#[derive(Clone, Copy)]
pub struct KeySourceFn<F> {
    lookup: F,
}

impl<F, Fut, E> KeySource for KeySourceFn<F>
where
    F: Fn(&request::Parts) -> Fut,
    Fut: Future<Output = Result<Option<Keyring>, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Error = E;
    type Future = Fut;

    fn keys(&self, head: &request::Parts) -> Self::Future {
        (self.lookup)(head)
    }
}

impl<F> fmt::Debug for KeySourceFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySourceFn").finish_non_exhaustive()
    }
}
