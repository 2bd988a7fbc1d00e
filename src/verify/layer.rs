//! How the middleware is configured.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tower_layer::Layer;

use super::key_source::KeySource;
use super::rejection::{Rejection, Responder};
use super::service::SvixVerify;
use crate::clock::Clock;
use crate::signature::{HeaderFamily, Keyring, Policy, Verifier};

/// Layer that applies [`SvixVerify`], which lets a request through only if its signature holds.
///
/// See the [module docs](crate::verify) for an example.
#[derive(Debug)]
#[must_use]
pub struct SvixVerifyLayer<K = Keyring> {
    config: Config<K>,
}

/// What a layer and the services that it makes have in common.
#[derive(Debug)]
pub(super) struct Config<K> {
    pub(super) key_source: Arc<K>,
    pub(super) policy: Policy,
    pub(super) body_limit: usize,
    pub(super) responder: Responder,
}

impl SvixVerifyLayer {
    /// Verifies with a [`Secret`](crate::Secret), several of them, or a [`Keyring`].
    pub fn new(keys: impl Into<Keyring>) -> Self {
        Self::with_key_source(keys.into())
    }
}

/// Verifies as `verifier` does, with the default [limit](SvixVerifyLayer::body_limit).
impl From<Verifier> for SvixVerifyLayer {
    fn from(verifier: Verifier) -> Self {
        let (keyring, policy) = verifier.into_parts();
        let mut layer = Self::with_key_source(keyring);
        layer.config.policy = policy;
        layer
    }
}

impl<K: KeySource> SvixVerifyLayer<K> {
    /// Verifies with the keys that `key_source` finds for each request, such as those of its tenant.
    ///
    /// See [`KeySource`] for an example.
    pub fn with_key_source(key_source: K) -> Self {
        let config = Config {
            key_source: Arc::new(key_source),
            policy: Policy::default(),
            body_limit: 2 * 1024 * 1024,
            responder: Responder::Explain,
        };
        Self { config }
    }

    /// How far a timestamp may be from now, in the past and in the future, bounds included. Default: 300 seconds.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.config.policy.tolerance = Some(tolerance);
        self
    }

    /// Accepts deliveries of any age: see
    /// [`Verifier::insecure_ignore_timestamp`](crate::Verifier::insecure_ignore_timestamp).
    pub fn insecure_ignore_timestamp(mut self) -> Self {
        self.config.policy.tolerance = None;
        self
    }

    /// Reads the headers of this family only. Default: whichever family is complete, `svix-*` first.
    pub fn header_family(mut self, family: HeaderFamily) -> Self {
        self.config.policy.header_family = Some(family);
        self
    }

    /// Accepts ids that contain a full stop: see
    /// [`Verifier::insecure_allow_dotted_ids`](crate::Verifier::insecure_allow_dotted_ids).
    pub fn insecure_allow_dotted_ids(mut self) -> Self {
        self.config.policy.allow_dotted_ids = true;
        self
    }

    /// The clock that timestamps are compared with. Default: [`SystemClock`](crate::SystemClock).
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.config.policy.clock = Arc::new(clock);
        self
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
}

/// Shares the key source, which need not be `Clone`.
impl<K> Clone for SvixVerifyLayer<K> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
        }
    }
}

impl<K> Clone for Config<K> {
    fn clone(&self) -> Self {
        Self {
            key_source: Arc::clone(&self.key_source),
            policy: self.policy.clone(),
            body_limit: self.body_limit,
            responder: self.responder.clone(),
        }
    }
}

impl<S, K> Layer<S> for SvixVerifyLayer<K> {
    type Service = SvixVerify<S, K>;

    fn layer(&self, inner: S) -> Self::Service {
        SvixVerify::new(inner, Arc::new(self.config.clone()))
    }
}
