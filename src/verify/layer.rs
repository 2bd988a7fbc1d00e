//! How the middleware is configured.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use tower_layer::Layer;

use super::config::Config;
use super::key_source::KeySource;
use super::memory::MemoryLimit;
use super::rejection::Rejection;
use super::responder::Responder;
use super::service::SvixVerify;
#[cfg(feature = "json")]
use crate::signature::JsonPointer;
use crate::signature::{IntoKeyring, Keyring, Policy, Verifier, define_policy_setters};

/// Layer that applies [`SvixVerify`], which lets a request through only if its signature is valid.
///
/// See the [module docs](crate::verify) for an example.
#[derive(Debug)]
#[must_use]
pub struct SvixVerifyLayer<K = Keyring> {
    config: Config<K>,
}

impl SvixVerifyLayer {
    /// Verifies with these keys: whatever converts into a [`Keyring`].
    pub fn new(keys: impl IntoKeyring) -> Self {
        Self::with_key_source(keys.into_keyring())
    }
}

/// Verifies as `verifier` does, with the default [limit](SvixVerifyLayer::body_limit).
impl From<Verifier> for SvixVerifyLayer {
    fn from(verifier: Verifier) -> Self {
        let (keyring, policy) = verifier.into_parts();
        let config = Config::new(keyring, policy);
        Self { config }
    }
}

impl<K: KeySource> SvixVerifyLayer<K> {
    /// Verifies with the keys that `key_source` finds for each request, such as those of its tenant.
    ///
    /// See [`KeySource`] for an example.
    pub fn with_key_source(key_source: K) -> Self {
        let config = Config::new(key_source, Policy::default());
        Self { config }
    }

    define_policy_setters!(config.policy);

    /// Sets the maximum body size, in bytes. Default: 2 MiB.
    ///
    /// A longer one is rejected with [`Rejection::BodyTooLarge`], before it is read if its length is known in advance.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.config.body_limit = bytes;
        self
    }

    /// Sets how many bytes the unverified bodies of all requests may take together. Default: no limit but the product of
    /// [`body_limit`](Self::body_limit) and the number of open requests.
    ///
    /// All clones of this layer share the limit, and so do all services that they make. A request takes of it what its
    /// body claims to have, with `Content-Length` for example, before any of that is read, and beyond that what arrives. It
    /// gives all of it back once the event is verified, or the request is rejected or dropped. What waits for the inner
    /// service after that has [limits of its own](crate::verify#placement).
    ///
    /// A request for which nothing is left is rejected with [`Rejection::MemoryExhausted`]: with 503 and `Retry-After`, so
    /// that the sender tries again. A body that is longer than this limit would never have room: it is rejected with
    /// [`Rejection::BodyTooLarge`].
    ///
    /// A request that only claims a long body and then stalls takes as much as one that sends it. Without other limits, a
    /// few such requests keep all deliveries away for as long as they may stall. Limit the requests and connections of each
    /// peer outside of the layer, and choose a limit that genuine deliveries never reach.
    ///
    /// The limit counts the bytes of bodies. Their buffers take up to twice as much while a body is shorter than 64 KiB, and
    /// up to a quarter more from there on. A short body that arrives in one piece keeps the read buffer of its connection.
    ///
    /// ```
    /// use tower_svix::{Secret, SvixVerifyLayer};
    ///
    /// # fn main() -> Result<(), tower_svix::KeyError> {
    /// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
    /// let layer = SvixVerifyLayer::new(secret)
    ///     .body_limit(1024 * 1024)
    ///     .memory_limit(64 * 1024 * 1024);
    /// # Ok(())
    /// # }
    /// ```
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.config.memory_limit = Some(MemoryLimit::new(bytes));
        self
    }

    /// Sets where the type of an event stands, for the span of each delivery (feature `tracing`): a JSON pointer
    /// ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)), such as `/data/type`. Default: `/type`.
    ///
    /// [`VerifiedEvent::event_type`](crate::VerifiedEvent::event_type) still reads `/type`: a handler reads another place
    /// with [`VerifiedEvent::event_type_at`](crate::VerifiedEvent::event_type_at).
    ///
    /// # Panics
    ///
    /// If `pointer` is not empty and does not start with a slash.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn span_event_type_at(mut self, pointer: &str) -> Self {
        let pointer = JsonPointer::parse(pointer).expect("a JSON pointer starts with a slash");
        self.config.event_type_at = pointer.into_owned();
        self
    }

    /// Leaves the cause out of the response to a rejected request, so that it holds the status alone.
    ///
    /// The cause helps the developer who reads the sender's delivery log; it is of no use to a forger, who knows what
    /// was forged. The [`Rejection`] stays in the response's extensions either way.
    pub fn opaque_rejections(mut self) -> Self {
        self.config.responder = Responder::Opaque;
        self
    }

    /// Answers a rejected request with what `respond` makes of the cause, in place of the
    /// [default response](crate::verify#rejections).
    ///
    /// Calls of gRPC are answered with it, too. Their clients look for `grpc-status` in a response with HTTP 200 and the
    /// type `application/grpc`: give them `tonic::Status::into_http`, for instance.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{Response, StatusCode};
    /// use tower_svix::{Secret, SvixVerifyLayer};
    ///
    /// # fn main() -> Result<(), tower_svix::KeyError> {
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

impl<S, K> Layer<S> for SvixVerifyLayer<K> {
    type Service = SvixVerify<S, K>;

    fn layer(&self, inner: S) -> Self::Service {
        SvixVerify::new(inner, Arc::new(self.config.clone()))
    }
}
