//! The lookup of the keys of a request.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::{Arc, LazyLock};

use http::request;

use crate::signature::{Keyring, Secret};

/// A source of the keys that may have signed a request.
///
/// This lets one endpoint serve many tenants, each with its own keys. The lookup sees the [`Parts`](request::Parts) of
/// the request: path, host, headers and extensions. They are not verified yet, and need not be: they only choose the
/// keys that the signature must then match.
///
/// These types are sources of keys:
///
/// - [`Keyring`]: the same keys for every request.
/// - [`KeyringMap`](crate::KeyringMap): keyrings by a segment of the path or by a header.
/// - [`KeySourceFn`], which [`key_source_fn`] makes from a function that takes `&Parts` and returns a future, such as
///   an async block.
/// - [`Arc<K>`](Arc), where `K` is a source of keys.
///
/// The lookup runs after the headers and the timestamp are checked and before the body is read, so that a request
/// without a timely delivery costs no lookup. Its result decides how the request is answered:
///
/// - `Ok(Some(keyring))`: the request is verified with these keys. Name the [tenant](Keyring::tenant) in the keyring,
///   so that the verified event says whose it is. Without a name, all tenants share one namespace of ids in
///   [`IdempotencyLayer`](crate::IdempotencyLayer), which then takes an event for a duplicate if another tenant's event
///   has the same id. Take the name from the result of the lookup, and not from the request: if `AcMe` also finds
///   `acme`, a delivery could be replayed under each spelling.
/// - `Ok(None)`: there is no such tenant. The request is answered exactly as if its signature did not match, after as
///   much work as a [decoy](Self::decoy) keyring takes.
/// - `Err(_)`: the lookup failed. The request is answered with 503 and `Retry-After`, so that the sender retries, and
///   the error is logged.
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
#[doc(alias = "multi-tenant")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of keys",
    note = "an async function or a closure becomes one with `key_source_fn`; keys that are the same for all requests are \
            given to `SvixVerifyLayer::new`"
)]
pub trait KeySource {
    /// The reason why a lookup failed. The error and its sources are logged. They must not contain a secret, and should
    /// not repeat parts of the request, which is not verified.
    type Error: Into<Box<dyn Error + Send + Sync>>;
    /// The future that a lookup returns.
    type Future: Future<Output = Result<Option<Keyring>, Self::Error>>;

    /// Starts the lookup of the keys for a request. `head` is the request without its body.
    fn keys(&self, head: &request::Parts) -> Self::Future;

    /// Returns the keys if no lookup is needed, which saves the lookup and the clone of the keyring. Default: `None`,
    /// which means that [`keys`](Self::keys) is called.
    ///
    /// Implement this only for a source that has the same keys for every request. If it returned keys for some tenants
    /// only, the time of a rejection would reveal which tenants these are.
    fn known_keys(&self, head: &request::Parts) -> Option<&Keyring> {
        let _ = head;
        None
    }

    /// Returns whether all requests belong to one receiver, however its keys are looked up. Default: `false`.
    ///
    /// If `true`, a delivery that lists no signature of a form that one of the keys makes is rejected with
    /// [`NoSupportedSignature`](crate::VerifyError::NoSupportedSignature) before its body is read. If the lookup
    /// returns `None`, the keys of the [decoy](Self::decoy) decide this.
    ///
    /// If `false`, the body is read first. Among tenants, the early answer would reveal whether a tenant exists, and
    /// whether it has a secret or a public key.
    fn is_single_tenant(&self) -> bool {
        false
    }

    /// Returns the keys that stand in for those of a tenant that does not exist. Default: one HMAC secret.
    ///
    /// They make a rejection take the same time whether or not the tenant exists. A delivery that they verify is still
    /// rejected. If your tenants usually have several keys, or public keys, return as many of the same kind.
    fn decoy(&self) -> Keyring {
        default_decoy()
    }
}

/// Returns a keyring with a single HMAC secret.
pub(super) fn default_decoy() -> Keyring {
    static DECOY: LazyLock<Keyring> = LazyLock::new(|| {
        let secret = Secret::from_bytes(b"a decoy vouches for nothing");
        // The keyrings of tenants usually have a name, and cloning the name takes time too.
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

/// Makes a [`KeySource`] from an async function.
///
/// It is meant for several tenants. For a single receiver, implement [`KeySource`] with
/// [`is_single_tenant`](KeySource::is_single_tenant).
///
/// See [`KeySource`](KeySource#example) for an example.
pub fn key_source_fn<F, Fut, E>(lookup: F) -> KeySourceFn<F>
where
    F: Fn(&request::Parts) -> Fut,
    Fut: Future<Output = Result<Option<Keyring>, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    KeySourceFn { lookup }
}

/// A [`KeySource`] that calls a function.
///
/// Made by [`key_source_fn`]. See [`KeySource`](KeySource#example) for an example.
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
