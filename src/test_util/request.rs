//! Test a handler behind [`SvixVerifyLayer`](crate::SvixVerifyLayer) without writing any cryptography.
//!
//! Send it what a sender would: [`SignedRequest`] makes requests that are signed like real ones, and [`ManualClock`] sets
//! the time that the layer sees.
//!
//! # Example
//!
//! ```
//! use http::{Request, Response};
//! use std::convert::Infallible;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_svix::test_util::{ManualClock, SignedRequest};
//! use tower_svix::{Secret, SvixVerifyLayer, VerifiedBody, VerifiedEvent};
//!
//! async fn handler(request: Request<VerifiedBody>) -> Result<Response<String>, Infallible> {
//!     let event: &VerifiedEvent = request.extensions().get().expect("verified");
//!     Ok(Response::new(event.id().to_owned()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
//! let clock = ManualClock::new(1_704_067_200);
//! let service = ServiceBuilder::new()
//!     .layer(SvixVerifyLayer::new(secret.clone()).clock(clock.clone()))
//!     .service_fn(handler);
//!
//! let request = SignedRequest::new(secret)
//!     .id("msg_1")
//!     .unix_seconds(1_704_067_200)
//!     .body(r#"{"type":"job.completed"}"#);
//!
//! let response = service.clone().oneshot(request.build()).await?;
//! assert_eq!(response.status(), 200);
//!
//! clock.advance(301);
//! let response = service.oneshot(request.build()).await?;
//! assert_eq!(response.status(), 401);
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Request, Uri};

use crate::clock::Clock;
use crate::sign::{SignedBody, Signer};
use crate::signature::{HeaderFamily, SigningKey};

/// A clock that stands still until it is set. Its clones show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    unix_seconds: Arc<AtomicU64>,
}

impl ManualClock {
    /// Makes a clock that shows `unix_seconds`, in seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn new(unix_seconds: u64) -> Self {
        Self {
            unix_seconds: Arc::new(AtomicU64::new(unix_seconds)),
        }
    }

    /// Sets the clock to `unix_seconds`, in seconds since 1970-01-01T00:00:00Z.
    pub fn set(&self, unix_seconds: u64) {
        self.unix_seconds.store(unix_seconds, Ordering::SeqCst);
    }

    /// Puts the clock forward by `seconds`.
    pub fn advance(&self, seconds: u64) {
        self.unix_seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn unix_seconds(&self) -> Option<u64> {
        Some(self.unix_seconds.load(Ordering::SeqCst))
    }
}

/// Makes a request that is signed as a sender signs it.
///
/// Unless it is told otherwise: `POST /` with `content-type: application/json`, no body, a random id, and the current
/// time. See the [module docs](self) for an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct SignedRequest {
    signer: Signer,
    request: Request<SignedBody>,
}

impl SignedRequest {
    /// Signs with a [`Secret`](crate::Secret) or a [`SigningKey`].
    pub fn new(key: impl Into<SigningKey>) -> Self {
        let mut request = Request::new(SignedBody::new(Bytes::new()));
        *request.method_mut() = Method::POST;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        Self {
            signer: Signer::new(vec![key.into()]),
            request,
        }
    }

    /// Signs with `key` too, as a sender does during a rotation.
    pub fn also_signed_with(mut self, key: impl Into<SigningKey>) -> Self {
        self.signer.keys.push(key.into());
        self
    }

    /// Sets the method.
    pub fn method(mut self, method: Method) -> Self {
        *self.request.method_mut() = method;
        self
    }

    /// Sets the path, or the whole URI.
    pub fn uri(mut self, uri: Uri) -> Self {
        *self.request.uri_mut() = uri;
        self
    }

    /// Sets a header other than the three of the signature.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.request.headers_mut().insert(name, value);
        self
    }

    /// Sets the family of the headers of the signature. Default: [`HeaderFamily::Webhook`].
    pub fn header_family(mut self, family: HeaderFamily) -> Self {
        self.signer.family = family;
        self
    }

    /// Sets the id.
    pub fn id(mut self, id: &str) -> Self {
        let id = id.to_owned();
        self.signer.new_id = Some(Arc::new(move || id.clone()));
        self
    }

    /// Sets the time at which the request is signed, in seconds since 1970-01-01T00:00:00Z.
    pub fn unix_seconds(mut self, unix_seconds: u64) -> Self {
        self.signer.clock = Arc::new(ManualClock::new(unix_seconds));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = SignedBody::new(body.into());
        self
    }

    /// Makes the request. To see a forgery refused, change what comes out.
    ///
    /// # Panics
    ///
    /// If the request cannot be signed: the id is not visible ASCII or holds a full stop, or the key is a public one.
    #[must_use]
    pub fn build(&self) -> Request<SignedBody> {
        let mut request = self.request.clone();
        let body = request.body().clone().into_bytes();
        self.signer
            .sign(request.headers_mut(), &body)
            .unwrap_or_else(|error| panic!("{error}"));
        request
    }
}
