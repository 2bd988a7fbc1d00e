//! The service that the layer creates.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::claim::Claiming;
use super::config::Config;
use super::future::ResponseFuture;
use super::report::{Report, report};
use crate::body::ResponseBody;
use crate::inner_service::define_inner_service_accessors;
use crate::signature::VerifiedEvent;

/// Middleware that lets the inner service process each verified event once.
///
/// Created by [`IdempotencyLayer`](crate::IdempotencyLayer). See the [module docs](crate::idempotency) for an example.
///
/// # Clone
///
/// The inner service must be [`Clone`]: each event goes to a clone of it, which is driven to readiness only once the
/// event is claimed. So a duplicate never takes a permit or buffer slot of the inner service. Time that an event spends
/// waiting for the inner service counts against its lease.
#[derive(Clone, Debug)]
pub struct Idempotency<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> Idempotency<S> {
    pub(super) fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config }
    }

    define_inner_service_accessors!();
}

impl<S, B, ResBody> Service<Request<B>> for Idempotency<S>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    /// Returns ready at once. The inner service is polled for readiness once the event is claimed.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some(event) = request.extensions().get::<VerifiedEvent>() else {
            report(&Report::EventMissing);
            return ResponseFuture::reject(&request, Arc::clone(&self.config));
        };
        let key = self.config.key(event);
        let config = Arc::clone(&self.config);
        let claiming = Claiming::new(Arc::clone(&config.store), key, config.lease);
        ResponseFuture::claim(claiming, request, self.inner.clone(), config)
    }
}
