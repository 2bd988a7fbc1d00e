//! Type erasure for stores, so that the types of the middleware have no type parameter for the store.
//!
//! It costs nothing: the future of each operation is boxed anyway, because it may outlive the request.

use std::sync::Arc;
use std::time::Duration;

use super::fingerprint::Fingerprint;
use super::key::{ClaimToken, EventKey};
use super::store::{BoxFuture, ClaimStatus, Settlement, Store, StoreError};

/// A [`Store`] whose futures own everything that they need.
pub(super) trait ErasedStore: Send + Sync {
    fn claim(
        self: Arc<Self>,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> BoxFuture<Result<ClaimStatus, StoreError>>;

    fn complete(
        self: Arc<Self>,
        key: EventKey,
        token: ClaimToken,
        fingerprint: Fingerprint,
        retention: Duration,
    ) -> BoxFuture<Result<Settlement, StoreError>>;

    fn release(
        self: Arc<Self>,
        key: EventKey,
        token: ClaimToken,
    ) -> BoxFuture<Result<Settlement, StoreError>>;

    fn spawn(&self, work: BoxFuture<()>);
}

impl<St: Store> ErasedStore for St {
    fn claim(
        self: Arc<Self>,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> BoxFuture<Result<ClaimStatus, StoreError>> {
        Box::pin(async move { Store::claim(&*self, &key, token, lease).await })
    }

    fn complete(
        self: Arc<Self>,
        key: EventKey,
        token: ClaimToken,
        fingerprint: Fingerprint,
        retention: Duration,
    ) -> BoxFuture<Result<Settlement, StoreError>> {
        Box::pin(async move { Store::complete(&*self, &key, token, fingerprint, retention).await })
    }

    fn release(
        self: Arc<Self>,
        key: EventKey,
        token: ClaimToken,
    ) -> BoxFuture<Result<Settlement, StoreError>> {
        Box::pin(async move { Store::release(&*self, &key, token).await })
    }

    fn spawn(&self, work: BoxFuture<()>) {
        Store::spawn(self, work);
    }
}
