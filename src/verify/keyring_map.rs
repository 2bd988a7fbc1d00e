//! Keyrings of several tenants, told apart by a part of the request.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;

use http::{HeaderMap, HeaderName, request};

use super::key_source::{KeySource, default_decoy};
use crate::signature::Keyring;

/// The keyrings of several tenants, by a segment of the path or by a header.
///
/// Each keyring names its [tenant](Keyring::tenant), so that a verified event tells whose it is. The tenants are
/// fixed, and if one is given twice, the last keyring counts; the keys of each can be [replaced](Keyring::replace)
/// through a clone of its keyring. For tenants that come and go, implement [`KeySource`].
///
/// A request of nobody takes the work of a keyring with the number and kinds of keys that most keyrings had when the map was
/// made, so that its time does not tell that nobody is there. Keyrings of other numbers or kinds are told by the time.
///
/// # Example
///
/// ```
/// use tower_svix::{KeyringMap, Secret, SvixVerifyLayer};
///
/// # fn main() -> Result<(), tower_svix::KeyError> {
/// let acme: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// let globex: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
///
/// // POST /webhooks/acme and POST /webhooks/globex
/// let tenants = KeyringMap::by_path_segment(1, [("acme", acme), ("globex", globex)]);
/// let layer = SvixVerifyLayer::with_key_source(tenants);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct KeyringMap {
    selector: Selector,
    keyrings: Arc<HashMap<Box<str>, Keyring>>,
    decoy: Keyring,
}

#[derive(Clone, Debug)]
enum Selector {
    PathSegment(usize),
    Header(HeaderName),
}

impl KeyringMap {
    /// Chooses the keyring by the segment of the path at `index`, counted from 0: of `/webhooks/acme`, 0 is `webhooks`
    /// and 1 is `acme`.
    ///
    /// The segment is compared as it stands in the request, percent-encoded. The path is the one that the layer sees:
    /// within a nested router of axum, it lacks the prefix.
    pub fn by_path_segment<T, K>(index: usize, keyrings: impl IntoIterator<Item = (T, K)>) -> Self
    where
        T: AsRef<str>,
        K: Into<Keyring>,
    {
        Self::new(Selector::PathSegment(index), keyrings)
    }

    /// Chooses the keyring by the value of the header `name`. A request that gives it twice belongs to nobody.
    pub fn by_header<T, K>(name: HeaderName, keyrings: impl IntoIterator<Item = (T, K)>) -> Self
    where
        T: AsRef<str>,
        K: Into<Keyring>,
    {
        Self::new(Selector::Header(name), keyrings)
    }

    fn new<T, K>(selector: Selector, keyrings: impl IntoIterator<Item = (T, K)>) -> Self
    where
        T: AsRef<str>,
        K: Into<Keyring>,
    {
        let with_tenant = |(tenant, keyring): (T, K)| {
            let tenant = tenant.as_ref();
            (tenant.into(), keyring.into().tenant(tenant))
        };
        let keyrings: HashMap<_, _> = keyrings.into_iter().map(with_tenant).collect();
        Self {
            selector,
            decoy: usual(keyrings.values()),
            keyrings: Arc::new(keyrings),
        }
    }

    fn tenant<'r>(&self, head: &'r request::Parts) -> Option<&'r str> {
        match &self.selector {
            Selector::PathSegment(index) => head.uri.path().split('/').skip(1).nth(*index),
            Selector::Header(name) => sole_header(&head.headers, name),
        }
    }
}

impl KeySource for KeyringMap {
    type Error = Infallible;
    type Future = Ready<Result<Option<Keyring>, Infallible>>;

    fn keys(&self, head: &request::Parts) -> Self::Future {
        let keyring = self
            .tenant(head)
            .and_then(|tenant| self.keyrings.get(tenant));
        ready(Ok(keyring.cloned()))
    }

    fn decoy(&self) -> Keyring {
        self.decoy.clone()
    }
}

/// One of the keyrings that have as many keys, and of the same kinds, as most of them. As a decoy it is as good as keys of
/// its own would be: what it verifies is let through for nobody.
fn usual<'k>(keyrings: impl Iterator<Item = &'k Keyring>) -> Keyring {
    let mut kinds = HashMap::new();
    for keyring in keyrings {
        let (count, _) = kinds.entry(keyring.forms()).or_insert((0_usize, keyring));
        *count += 1;
    }
    let usual = kinds
        .into_iter()
        .max_by_key(|(forms, (count, _))| (*count, *forms));
    match usual {
        Some((_, (_, keyring))) => keyring.clone().tenant("nobody"),
        None => default_decoy(),
    }
}

/// The text of a header that is given exactly once.
fn sole_header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok()
}
