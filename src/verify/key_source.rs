//! Where the keys of a request come from.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::LazyLock;

use http::request;

use crate::signature::{Keyring, Secret};

/// Looks up the keys that may have signed a request.
///
/// One endpoint can so serve many tenants, each of which has secrets of its own. The lookup sees the
/// [`Parts`](request::Parts) of the request: path, host, headers and extensions. None of them is verified at that time,
/// nor need they be: they only choose the keys that the signature must then match.
///
/// It is implemented for
///
/// - [`Keyring`]: the same keys for every request;
/// - [`KeyringMap`](crate::KeyringMap): keyrings by a segment of the path or by a header;
/// - functions from `&Parts` to a future, which an async block makes.
///
/// The lookup runs after the checks of the headers and before the body is read, so that a request without a timely
/// delivery in it costs none.
///
/// - `Ok(Some(keyring))`: these keys. [Name](Keyring::named) the keyring after its tenant, and the verified event says
///   whose it is. Without names, all tenants share one namespace of ids in `IdempotencyLayer`, and an event with the id
///   of another tenant's passes for a duplicate. Take the name from what the lookup found, not from what the request
///   said: if `AcMe` finds `acme` too, a delivery could be replayed under each spelling.
/// - `Ok(None)`: nobody is known there. The request is answered exactly as if its signature were wrong, after the work
///   that a [decoy](Self::decoy) of a key makes.
/// - `Err(_)`: the lookup failed. The request is answered with 503 and `Retry-After`, so that the sender retries. The
///   error goes no further: log it where it arises.
///
/// # Example
///
/// ```
/// use http::request::Parts;
/// use tower_svix::{Keyring, Secret, SvixVerifyLayer};
///
/// # #[derive(Clone)]
/// # struct Database;
/// # #[derive(Debug)]
/// # struct DatabaseError;
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
/// let layer = SvixVerifyLayer::with_key_source(move |head: &Parts| {
///     let database = database.clone();
///     let name = head.uri.path().trim_start_matches("/webhooks/").to_owned();
///     async move {
///         let found = database.tenant(&name).await?;
///         Ok::<_, DatabaseError>(found.map(|tenant| Keyring::from(tenant.secrets).named(&tenant.name)))
///     }
/// });
/// ```
pub trait KeySource {
    /// Why a lookup failed.
    type Error;
    /// The lookup under way.
    type Future: Future<Output = Result<Option<Keyring>, Self::Error>>;

    /// Starts to look up the keys for the request of which `head` is all but the body.
    fn keys(&self, head: &request::Parts) -> Self::Future;

    /// The keys that stand in for those of a tenant that does not exist. Nothing that they verify is let through.
    ///
    /// They are there for the time that a refusal takes, which should not tell whether a tenant exists. Default: one HMAC
    /// secret. If your tenants usually have several keys, or public ones, return as many of the same kind.
    fn decoy(&self) -> Keyring {
        static DECOY: LazyLock<Keyring> = LazyLock::new(|| {
            let secret = Secret::from_bytes(b"a decoy vouches for nothing");
            // With a name, as the keyrings of tenants usually have one: to copy it takes time too.
            Keyring::from(secret.expect("it is not empty")).named("nobody")
        });
        DECOY.clone()
    }
}

impl KeySource for Keyring {
    type Error = Infallible;
    type Future = Ready<Result<Option<Keyring>, Infallible>>;

    fn keys(&self, _: &request::Parts) -> Self::Future {
        ready(Ok(Some(self.clone())))
    }
}

impl<F, Fut, E> KeySource for F
where
    F: Fn(&request::Parts) -> Fut,
    Fut: Future<Output = Result<Option<Keyring>, E>>,
{
    type Error = E;
    type Future = Fut;

    fn keys(&self, head: &request::Parts) -> Self::Future {
        self(head)
    }
}
