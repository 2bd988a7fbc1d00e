//! What a request goes through before its body is read.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::{ResponseBody, VerifiedBody};
use super::future::ResponseFuture;
use super::layer::Config;
use super::rejection::Rejection;
use crate::signature::Verification;
use crate::signature::envelope::content_length;

/// Middleware that lets a request through only if its signature holds.
///
/// Made by [`SvixVerifyLayer`](crate::SvixVerifyLayer). See the [module docs](crate::verify) for an example.
///
/// # Clone
///
/// The inner service must be `Clone`: each verified request is handed to a clone of it, which is driven to readiness
/// only once the signature held. A forged or stalled upload so never holds a permit or a buffer slot of the inner
/// service that a genuine delivery needs.
#[derive(Clone, Debug)]
pub struct SvixVerify<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> SvixVerify<S> {
    pub(super) fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config }
    }

    /// Gets a reference to the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Gets a mutable reference to the inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Everything that can be checked without reading a byte of the body.
    fn admit<B: Body>(&self, request: &Request<B>) -> Result<Verification, Rejection> {
        let mut verification = self.config.verifier.start(request.headers())?;
        let claimed = request
            .body()
            .size_hint()
            .lower()
            .max(content_length(request.headers()).unwrap_or(0));
        match usize::try_from(claimed) {
            Ok(claimed) if claimed <= self.config.body_limit => verification.expect_len(claimed),
            _ => return Err(Rejection::BodyTooLarge),
        }
        Ok(verification)
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SvixVerify<S>
where
    S: Service<Request<VerifiedBody>, Response = Response<ResBody>> + Clone,
    ReqBody: Body,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    /// Always ready: the inner service is asked once the request is verified.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        match self.admit(&request) {
            Ok(verification) => ResponseFuture::receive(
                request,
                verification,
                self.inner.clone(),
                Arc::clone(&self.config),
            ),
            Err(rejection) => ResponseFuture::refuse(rejection, Arc::clone(&self.config)),
        }
    }
}
