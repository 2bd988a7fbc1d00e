//! How the middleware is configured.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tower_layer::Layer;

use super::rejection::{Rejection, Responder};
use super::service::SvixVerify;
use crate::clock::Clock;
use crate::signature::{HeaderFamily, Keyring, Verifier};

/// Layer that applies [`SvixVerify`], which lets a request through only if its signature holds.
///
/// See the [module docs](crate::verify) for an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct SvixVerifyLayer {
    config: Config,
}

/// What a layer and the services that it makes have in common.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) verifier: Verifier,
    pub(super) body_limit: usize,
    pub(super) responder: Responder,
}

impl SvixVerifyLayer {
    /// The limit of [`body_limit`](Self::body_limit) unless it is set: 2 MiB.
    pub const DEFAULT_BODY_LIMIT: usize = 2 * 1024 * 1024;

    /// Verifies with a [`Secret`](crate::Secret), several of them, or a [`Keyring`].
    pub fn new(keys: impl Into<Keyring>) -> Self {
        Verifier::new(keys).into()
    }

    /// How far a timestamp may be from now, in the past and in the future, bounds included. Default: 300 seconds.
    pub fn tolerance(self, tolerance: Duration) -> Self {
        self.map_verifier(|verifier| verifier.tolerance(tolerance))
    }

    /// Accepts deliveries of any age: see [`Verifier::insecure_ignore_timestamp`].
    pub fn insecure_ignore_timestamp(self) -> Self {
        self.map_verifier(Verifier::insecure_ignore_timestamp)
    }

    /// Reads the headers of this family only. Default: whichever family is complete, `svix-*` first.
    pub fn header_family(self, family: HeaderFamily) -> Self {
        self.map_verifier(|verifier| verifier.header_family(family))
    }

    /// Accepts ids that contain a full stop: see [`Verifier::insecure_allow_dotted_ids`].
    pub fn insecure_allow_dotted_ids(self) -> Self {
        self.map_verifier(Verifier::insecure_allow_dotted_ids)
    }

    /// The clock that timestamps are compared with. Default: [`SystemClock`](crate::SystemClock).
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        self.map_verifier(|verifier| verifier.clock(clock))
    }

    /// How many bytes a body may have. Default: 2 MiB.
    ///
    /// A longer one is refused with [`Rejection::BodyTooLarge`], before it is read if its length is known in advance.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.config.body_limit = bytes;
        self
    }

    /// Leaves the cause out of the response to a refused request, so that it holds the status alone.
    ///
    /// The cause helps the developer who reads the sender's delivery log; it is of no use to a forger, who knows what
    /// was forged. The [`Rejection`] stays in the response's extensions either way.
    pub fn opaque_rejections(mut self) -> Self {
        self.config.responder = Responder::Opaque;
        self
    }

    /// Answers a refused request with what `respond` makes of the cause, in place of the
    /// [default response](crate::verify#refusals).
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{Response, StatusCode};
    /// use tower_svix::{Secret, SvixVerifyLayer};
    ///
    /// # fn main() -> Result<(), tower_svix::SecretError> {
    /// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
    /// let layer = SvixVerifyLayer::new(secret).rejection_response(|rejection| {
    ///     let mut response = Response::new(Bytes::from(rejection.code()));
    ///     *response.status_mut() = rejection.status();
    ///     response
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn rejection_response<F>(mut self, respond: F) -> Self
    where
        F: Fn(&Rejection) -> Response<Bytes> + Send + Sync + 'static,
    {
        self.config.responder = Responder::Custom(Arc::new(respond));
        self
    }

    fn map_verifier(mut self, change: impl FnOnce(Verifier) -> Verifier) -> Self {
        self.config.verifier = change(self.config.verifier);
        self
    }
}

impl From<Verifier> for SvixVerifyLayer {
    fn from(verifier: Verifier) -> Self {
        let config = Config {
            verifier,
            body_limit: Self::DEFAULT_BODY_LIMIT,
            responder: Responder::Explain,
        };
        Self { config }
    }
}

impl<S> Layer<S> for SvixVerifyLayer {
    type Service = SvixVerify<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SvixVerify::new(inner, Arc::new(self.config.clone()))
    }
}
