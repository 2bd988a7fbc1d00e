//! The service that the layer creates.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use http_body::Body;
use tower_service::Service;

use super::body::SignedBody;
use super::error::SvixSignError;
use super::future::ResponseFuture;
use super::signer::Signer;
use crate::inner_service::define_inner_service_accessors;

/// Middleware for an HTTP client that signs each request.
///
/// Created by [`SvixSignLayer`](crate::SvixSignLayer). See the [module docs](crate::sign) for an example.
///
/// # Clone
///
/// The client must be [`Clone`]: each request goes to a clone of it, which is driven to readiness once the request is
/// signed. A request with a slow body does not occupy client capacity.
#[derive(Clone, Debug)]
pub struct SvixSign<S> {
    inner: S,
    signer: Arc<Signer>,
}

impl<S> SvixSign<S> {
    pub(super) fn new(inner: S, signer: Arc<Signer>) -> Self {
        Self { inner, signer }
    }

    define_inner_service_accessors!();
}

impl<S, B> Service<Request<B>> for SvixSign<S>
where
    S: Service<Request<SignedBody>> + Clone,
    B: Body,
{
    type Response = S::Response;
    type Error = SvixSignError<S::Error, B::Error>;
    type Future = ResponseFuture<S, B>;

    /// Returns ready at once. The client is polled for readiness once the request is signed.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ResponseFuture::new(request, self.inner.clone(), Arc::clone(&self.signer))
    }
}
