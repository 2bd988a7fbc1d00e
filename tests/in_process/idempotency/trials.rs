//! The trial with which two layers find out whether they share a store. It leaves nothing behind.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::ServiceBuilder;
use tower_svix::idempotency::{
    BoxFuture, ClaimStatus, ClaimToken, EventKey, Fingerprint, MemoryStore, Settlement, Store,
    StoreError,
};
use tower_svix::{IdempotencyLayer, VerifiedBody};
use tower_svix_tests::net;
use tower_svix_tests::stores::{LEASE, token};

use super::{deliver, request};

/// A store that carries out one claim and loses its reply.
#[derive(Clone)]
struct LosesOne {
    store: Arc<MemoryStore>,
    claims: Arc<AtomicUsize>,
    lost: usize,
}

impl LosesOne {
    fn new(lost: usize) -> Self {
        Self {
            store: Arc::default(),
            claims: Arc::default(),
            lost,
        }
    }
}

impl Store for LosesOne {
    async fn claim(
        &self,
        key: &EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<ClaimStatus, StoreError> {
        let claim = self.store.claim(key, token, lease).await?;
        if self.claims.fetch_add(1, Ordering::SeqCst) == self.lost {
            return Err(StoreError::new("the reply was lost"));
        }
        Ok(claim)
    }

    async fn complete(
        &self,
        key: &EventKey,
        token: ClaimToken,
        fingerprint: Fingerprint,
        retention: Duration,
    ) -> Result<Settlement, StoreError> {
        self.store
            .complete(key, token, fingerprint, retention)
            .await
    }

    async fn release(&self, key: &EventKey, token: ClaimToken) -> Result<Settlement, StoreError> {
        self.store.release(key, token).await
    }

    async fn forget(&self, key: &EventKey) -> Result<bool, StoreError> {
        self.store.forget(key).await
    }

    fn spawn(&self, work: BoxFuture<()>) {
        self.store.spawn(work);
    }
}

#[tokio::test]
async fn a_trial_that_fails_half_way_leaves_nothing_claimed() {
    const NEVER: usize = usize::MAX;
    // For each store, the first claim is that of the event, and the second is the trial.
    for (name, outer, inner) in [
        ("no reply is lost", NEVER, NEVER),
        ("the first", 1, NEVER),
        ("the second", NEVER, 1),
    ] {
        let (outer, inner) = (LosesOne::new(outer), LosesOne::new(inner));
        // Another delivery has it, which is not a mistake of the wiring.
        let key = EventKey::new(None, "msg_1");
        inner.store.claim(&key, token(), LEASE).await.unwrap();
        let service = ServiceBuilder::new()
            .layer(net::layer())
            .layer(IdempotencyLayer::new(outer.clone()))
            .layer(IdempotencyLayer::new(inner.clone()))
            .service_fn(|_: Request<VerifiedBody>| {
                ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
            });
        let seen = deliver(&service, request("msg_1")).await.unwrap();
        assert_eq!(seen.code(), "event-in-progress", "{name}");
        assert_eq!(outer.claims.load(Ordering::SeqCst), 2, "{name}");
        assert_eq!(outer.store.len(), 0, "{name}");
        assert_eq!(inner.store.len(), 1, "{name}: that of the other delivery");
    }
}
