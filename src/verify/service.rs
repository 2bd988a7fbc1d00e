//! The service that the layer creates.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::VerifiedBody;
use super::config::Config;
use super::future::ResponseFuture;
use super::key_source::KeySource;
use crate::body::ResponseBody;
use crate::inner_service::define_inner_service_accessors;
use crate::signature::Keyring;

/// Middleware that lets a request through only if its signature is valid.
///
/// Created by [`SvixVerifyLayer`](crate::SvixVerifyLayer). See the [module docs](crate::verify) for an example.
///
/// # Clone
///
/// The inner service must be [`Clone`]: each request goes to a clone of it, which is driven to readiness only once the
/// request is verified. So a forged or stalled upload never takes a permit or buffer slot that a genuine delivery
/// needs.
pub struct SvixVerify<S, K = Keyring> {
    inner: S,
    config: Arc<Config<K>>,
}

impl<S, K> SvixVerify<S, K> {
    pub(super) fn new(inner: S, config: Arc<Config<K>>) -> Self {
        Self { inner, config }
    }

    define_inner_service_accessors!();
}

impl<S, K, ReqBody, ResBody> Service<Request<ReqBody>> for SvixVerify<S, K>
where
    S: Service<Request<VerifiedBody>, Response = Response<ResBody>> + Clone,
    K: KeySource,
    ReqBody: Body,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody, K>;

    /// Returns ready at once. The inner service is polled for readiness once the request is verified.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        ResponseFuture::new(request, self.inner.clone(), Arc::clone(&self.config))
    }
}

// Not derived: the key source need not be `Clone`.
impl<S: Clone, K> Clone for SvixVerify<S, K> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            config: Arc::clone(&self.config),
        }
    }
}

impl<S: fmt::Debug, K> fmt::Debug for SvixVerify<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SvixVerify")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
