//! Keyrings of several tenants, chosen by a part of the request.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;

use http::{HeaderMap, HeaderName, request};

use super::key_source::{KeySource, default_decoy};
use crate::signature::Keyring;

/// The keyrings of several tenants, by a segment of the path or by a header.
///
/// Each keyring gets the name of its [tenant](Keyring::tenant), so that a verified event says whose it is. The set of
/// tenants is fixed. If a tenant is given twice, the last keyring is used. The keys of a tenant can be
/// [replaced](Keyring::replace) through a clone of its keyring. For tenants that come and go, implement [`KeySource`].
///
/// A request for an unknown tenant takes as much work as a request for a usual one: the work for the number and kinds
/// of keys that most keyrings had when the map was made. So the time of a rejection does not reveal whether a usual
/// tenant exists. It can reveal a tenant whose keyring has another number or other kinds of keys.
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
#[doc(alias = "multi-tenant")]
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
    /// The segment is compared as the request has it, percent-encoded. The path is the one that the layer sees: in a
    /// nested router of axum, it lacks the prefix.
    pub fn by_path_segment<T, K>(index: usize, keyrings: impl IntoIterator<Item = (T, K)>) -> Self
    where
        T: AsRef<str>,
        K: Into<Keyring>,
    {
        Self::new(Selector::PathSegment(index), keyrings)
    }

    /// Chooses the keyring by the value of the header `name`. A request with two of these headers belongs to no tenant.
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

/// Returns a keyring with the number and kinds of keys that most keyrings have. It is safe to use as the decoy: a
/// delivery that a decoy verifies is still rejected.
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

/// Returns the text of a header that is given exactly once.
fn sole_header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok()
}
