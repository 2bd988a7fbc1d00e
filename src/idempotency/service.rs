//! What a request goes through before the store is asked.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::claim::Claiming;
use super::future::ResponseFuture;
use super::key::EventKey;
use super::layer::Config;
use super::report::{Report, report};
use super::store::Store;
use crate::inner_service::define_inner_service_accessors;
use crate::response_body::ResponseBody;
use crate::signature::VerifiedEvent;

/// Middleware that lets the inner service see each verified event once.
///
/// Made by [`IdempotencyLayer`](super::IdempotencyLayer). See the [module docs](crate::idempotency) for an example.
///
/// # Clone
///
/// The inner service must be `Clone`: an event is handed to a clone of it, which is driven to readiness only once the
/// event is claimed. A duplicate so never holds a permit or a buffer slot of the inner service. What it waits for there
/// counts against the lease.
pub struct Idempotency<S, St> {
    inner: S,
    store: Arc<St>,
    config: Arc<Config>,
}

impl<S, St> Idempotency<S, St> {
    pub(super) fn new(inner: S, store: Arc<St>, config: Arc<Config>) -> Self {
        Self {
            inner,
            store,
            config,
        }
    }

    define_inner_service_accessors!();
}

impl<S, St, B, ResBody> Service<Request<B>> for Idempotency<S, St>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    St: Store,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, St>;

    /// Always ready: the inner service is asked once the event is claimed.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some(event) = request.extensions().get::<VerifiedEvent>() else {
            report(&Report::EventMissing);
            return ResponseFuture::refuse(&request, Arc::clone(&self.config));
        };
        let key = EventKey::from(event);
        let config = Arc::clone(&self.config);
        let claiming = Claiming::start(Arc::clone(&self.store), key, config.lease);
        ResponseFuture::claim(claiming, request, self.inner.clone(), config)
    }
}

/// Shares the store, which need not be `Clone`.
impl<S: Clone, St> Clone for Idempotency<S, St> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            store: Arc::clone(&self.store),
            config: Arc::clone(&self.config),
        }
    }
}

impl<S: fmt::Debug, St> fmt::Debug for Idempotency<S, St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency")
            .field("inner", &self.inner)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
