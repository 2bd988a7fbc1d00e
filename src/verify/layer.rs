//! The layer, and how it is configured.

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
/// See the [module docs](crate::verify) for the checks that a request must pass, and for more examples.
///
/// # With axum
///
/// ```
/// use axum::{Router, routing::{get, post}};
/// use tower_svix::{Secret, SvixVerifyLayer, VerifiedEvent};
///
/// // With the feature `axum`. Without it: `Extension(event): Extension<VerifiedEvent>`.
/// async fn receive(event: VerifiedEvent) -> String {
///     format!("{} received", event.id())
/// }
///
/// # #[cfg(feature = "axum")]
/// # fn main() -> Result<(), tower_svix::KeyError> {
/// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// let app: Router = Router::new()
///     .route("/webhook", post(receive))
///     .layer(SvixVerifyLayer::new(secret))
///     // Added after the layer, so requests to this route are not verified:
///     .route("/health", get(|| async { "healthy" }));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "axum"))]
/// # fn main() {}
/// ```
///
/// 1. **A route that is added after `.layer` is not verified**, and nothing reports it. Take the
///    [`VerifiedEvent`](crate::VerifiedEvent) as an argument of every handler: on a route without the layer, such a
///    handler answers every request with 500, and never processes a forgery.
/// 2. **Of several `.layer` calls on a router, the last one is the outermost**: it sees a request first. In a
///    [`ServiceBuilder`] of tower, the first one is the outermost.
/// 3. **Two `.layer` calls on `post(receive)` do not compile.** This is a [`MethodRouter`], whose `layer` has a type
///    parameter `NewError` that the compiler cannot infer between the two calls (E0283):
///
/// ```compile_fail,E0283
/// # use axum::{Router, routing::post};
/// # use tower_svix::idempotency::MemoryStore;
/// # use tower_svix::{IdempotencyLayer, Secret, SvixVerifyLayer};
/// # async fn receive() {}
/// # fn app(secret: Secret, store: MemoryStore) -> Router {
/// let webhook = post(receive)
///     .layer(IdempotencyLayer::new(store))
///     .layer(SvixVerifyLayer::new(secret));
/// # Router::new().route("/webhook", webhook)
/// # }
/// ```
///
/// Each of these forms compiles, and verifies a delivery before it looks for duplicates:
///
/// ```
/// # use std::sync::Arc;
/// use axum::{Router, routing::post};
/// use tower::ServiceBuilder;
/// # use tower::ServiceExt;
/// use tower_svix::{IdempotencyLayer, SvixVerifyLayer};
/// # use tower_svix::{Secret, VerifiedEvent, idempotency::MemoryStore, test_util::SignedRequest};
/// # async fn receive(event: VerifiedEvent) -> String { event.id().to_owned() }
/// # #[cfg(not(feature = "axum"))]
/// # fn main() {}
/// # #[cfg(feature = "axum")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
/// # let request = SignedRequest::new(secret.clone()).uri("/webhook");
/// # let store = Arc::new(MemoryStore::new());
/// let verify = SvixVerifyLayer::new(secret);
/// let once = IdempotencyLayer::new(store);
///
/// // All layers of one route in a `ServiceBuilder`: the outermost comes first.
/// let layers = ServiceBuilder::new().layer(verify.clone()).layer(once.clone());
/// let app: Router = Router::new().route("/webhook", post(receive).layer(layers));
/// # assert_eq!(app.oneshot(request.build()).await?.status(), 200);
///
/// // `route_layer` calls on one route: the outermost comes last.
/// let webhook = post(receive).route_layer(once.clone()).route_layer(verify.clone());
/// let app: Router = Router::new().route("/webhook", webhook);
/// # assert_eq!(app.oneshot(request.build()).await?.status(), 200);
///
/// // `layer` calls on the router: the outermost comes last.
/// let app: Router = Router::new().route("/webhook", post(receive)).layer(once).layer(verify);
/// # assert_eq!(app.oneshot(request.build()).await?.status(), 200);
/// # Ok(())
/// # }
/// ```
///
/// [`MethodRouter`]: https://docs.rs/axum/0.8/axum/routing/method_routing/struct.MethodRouter.html
/// [`ServiceBuilder`]: https://docs.rs/tower/0.5/tower/struct.ServiceBuilder.html
#[derive(Debug)]
#[must_use]
#[doc(alias = "webhook")]
#[doc(alias = "hmac")]
#[doc(alias = "standard webhooks")]
#[doc(alias = "signature")]
pub struct SvixVerifyLayer<K = Keyring> {
    config: Config<K>,
}

impl SvixVerifyLayer {
    /// Creates a layer that verifies with these keys: anything that converts into a [`Keyring`].
    ///
    /// ```
    /// use tower_svix::{Secret, SvixVerifyLayer};
    ///
    /// # fn main() -> Result<(), tower_svix::KeyError> {
    /// let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
    /// let layer = SvixVerifyLayer::new(secret);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(keys: impl IntoKeyring) -> Self {
        Self::with_key_source(keys.into_keyring())
    }
}

/// Creates a layer that verifies as `verifier` does, with the default [`body_limit`](SvixVerifyLayer::body_limit).
impl From<Verifier> for SvixVerifyLayer {
    fn from(verifier: Verifier) -> Self {
        let (keyring, policy) = verifier.into_parts();
        let config = Config::new(keyring, policy);
        Self { config }
    }
}

impl<K: KeySource> SvixVerifyLayer<K> {
    /// Creates a layer that verifies with the keys that `key_source` finds for each request, such as those of its
    /// tenant.
    ///
    /// See [`KeySource`] for an example.
    pub fn with_key_source(key_source: K) -> Self {
        let config = Config::new(key_source, Policy::default());
        Self { config }
    }

    define_policy_setters!(config.policy);

    /// Sets the maximum body size, in bytes. Default: 2 MiB.
    ///
    /// A longer body is rejected with [`Rejection::BodyTooLarge`]. If its length is known in advance, that happens
    /// before any of it is read.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.config.body_limit = bytes;
        self
    }

    /// Sets the maximum total size of all unverified bodies, in bytes. Default: no limit, so that only
    /// [`body_limit`](Self::body_limit) and the number of open requests bound it.
    ///
    /// All clones of this layer, and all services that they create, share the limit. A request reserves the length that
    /// its body claims to have, for example with `Content-Length`, before any of the body is read. If more arrives, it
    /// reserves that too. It returns all of it once the event is verified, or the request is rejected or dropped. A
    /// verified event that waits for the inner service is subject to [other limits](crate::verify#placement).
    ///
    /// A request that finds too little left is rejected with [`Rejection::MemoryExhausted`]: with 503 and
    /// `Retry-After`, so that the sender tries again. A body that is longer than this limit could never fit, and is
    /// rejected with [`Rejection::BodyTooLarge`].
    ///
    /// A request that claims a long body and then stalls reserves as much as a request that sends it. Without other
    /// limits, a few such requests can keep all deliveries out for as long as they may stall. Limit the requests and
    /// connections of each peer outside of the layer, and choose a limit that genuine deliveries never reach.
    ///
    /// The limit counts the bytes of the bodies. Their buffers take up to twice as much for bodies shorter than 64 KiB,
    /// and up to a quarter more for longer ones. A short body that arrives in one piece keeps the read buffer of its
    /// connection in memory.
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

    /// Sets where the payload has the type of its event, for the span of each delivery (feature `tracing`): a JSON
    /// pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)), such as `/data/type`. Default: `/type`.
    ///
    /// This does not change [`VerifiedEvent::event_type`](crate::VerifiedEvent::event_type), which always reads
    /// `/type`. A handler reads another place with
    /// [`VerifiedEvent::event_type_at`](crate::VerifiedEvent::event_type_at).
    ///
    /// # Panics
    ///
    /// Panics if `pointer` is not empty and does not start with a slash.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn span_event_type_at(mut self, pointer: &str) -> Self {
        let pointer = JsonPointer::parse(pointer).expect("a JSON pointer starts with a slash");
        self.config.event_type_at = pointer.into_owned();
        self
    }

    /// Leaves the cause out of rejections, so that they contain only the status.
    ///
    /// The cause helps the developer who reads the sender's delivery log. It is of no use to a forger, who knows what
    /// was forged. The [`Rejection`] is in the response's extensions in either case.
    pub fn opaque_rejections(mut self) -> Self {
        self.config.responder = Responder::Opaque;
        self
    }

    /// Sets the function that makes the response to a rejected request. Default: the
    /// [responses](crate::verify#rejections) that the module docs list.
    ///
    /// It also answers gRPC calls. A gRPC client expects `grpc-status` in a response with HTTP 200 and the type
    /// `application/grpc`: `tonic::Status::into_http` makes such a response.
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
