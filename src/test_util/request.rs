//! Requests that are signed like real ones.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Request, Uri};

use super::clock::ManualClock;
use crate::random;
use crate::sign::{IntoSigningKeys, SignedBody, Signer};
use crate::signature::{HeaderFamily, Secret, SigningKey};

/// A builder of requests that are signed as a sender signs them.
///
/// By default, a request is `POST /` with `content-type: application/json`, an empty body, a random id, and the current
/// time. See the [module docs](super) for an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct SignedRequest {
    signer: Signer,
    request: Request<SignedBody>,
}

impl SignedRequest {
    /// Creates a builder that signs with these keys, like [`SvixSignLayer::new`](crate::SvixSignLayer::new).
    pub fn new(keys: impl IntoSigningKeys) -> Self {
        let mut request = Request::new(SignedBody::new(Bytes::new()));
        *request.method_mut() = Method::POST;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        Self::of(request, keys.into_signing_keys())
    }

    pub(super) fn of(request: Request<SignedBody>, keys: Vec<SigningKey>) -> Self {
        Self {
            signer: Signer::new(keys),
            request,
        }
    }

    /// Adds a key to sign with, as a sender does during a rotation.
    pub fn also_sign_with(mut self, key: impl Into<SigningKey>) -> Self {
        self.signer.keys.push(key.into());
        self
    }

    /// Sets the method. Default: `POST`.
    pub fn method(mut self, method: Method) -> Self {
        *self.request.method_mut() = method;
        self
    }

    /// Sets the path, or the whole URI. Default: `/`.
    ///
    /// # Panics
    ///
    /// Panics if `uri` is not a URI.
    pub fn uri<T>(mut self, uri: T) -> Self
    where
        T: TryInto<Uri>,
        T::Error: Into<http::Error>,
    {
        let uri = uri.try_into().map_err(Into::into);
        *self.request.uri_mut() = uri.unwrap_or_else(|error| panic!("{error}"));
        self
    }

    /// Sets a header other than the three signature headers.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.request.headers_mut().insert(name, value);
        self
    }

    /// Sets the family of the signature headers. Default: [`HeaderFamily::WEBHOOK`].
    pub fn header_family(mut self, family: HeaderFamily) -> Self {
        self.signer.family = family;
        self
    }

    /// Sets the id. Default: a random id for each request.
    pub fn id(mut self, id: &str) -> Self {
        let id = id.to_owned();
        self.signer.id_generator = Some(Arc::new(move || id.clone()));
        self
    }

    /// Sets the time at which the request is signed, in seconds since 1970-01-01T00:00:00Z. Default: the current time.
    pub fn unix_seconds(mut self, unix_seconds: u64) -> Self {
        self.signer.clock = Arc::new(ManualClock::new(unix_seconds));
        self
    }

    /// Sets the body. Default: an empty body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = SignedBody::new(body.into());
        self
    }

    /// Builds the request.
    ///
    /// # Panics
    ///
    /// Panics if the request cannot be signed: the id is not visible ASCII, or contains a full stop, or there is no
    /// key.
    #[must_use]
    pub fn build(&self) -> Request<SignedBody> {
        let mut request = self.request.clone();
        let body = request.body().clone().into_bytes();
        self.signer
            .sign(request.headers_mut(), &body)
            .unwrap_or_else(|error| panic!("{error}"));
        request
    }

    /// Builds a forgery: the same request, signed with a random key. A receiver rejects it with the code
    /// `signature-mismatch`.
    ///
    /// # Panics
    ///
    /// Same as [`build`](Self::build). Also panics if the operating system provides no random numbers.
    #[must_use]
    pub fn build_forged(&self) -> Request<SignedBody> {
        let mut key = [0; 32];
        random::fill(&mut key).unwrap_or_else(|error| panic!("{error}"));
        let key = Secret::from_bytes(&key).unwrap_or_else(|error| panic!("{error}"));
        let mut forgery = self.clone();
        forgery.signer.keys = vec![key.into()];
        forgery.build()
    }

    /// Builds a genuine but stale request, like a replay: it is signed one hour before the time of this request. A
    /// receiver whose tolerance is shorter rejects it with the code `timestamp-too-old`.
    ///
    /// # Panics
    ///
    /// Same as [`build`](Self::build). Also panics if the clock does not tell the time.
    #[must_use]
    pub fn build_stale(&self) -> Request<SignedBody> {
        let time = self.time();
        self.clone().unix_seconds(time.saturating_sub(3600)).build()
    }

    /// Builds two deliveries of one event, as if the sender had not seen the response to the first. The second has the
    /// same id and body, and is signed one second later.
    ///
    /// # Panics
    ///
    /// Same as [`build`](Self::build). Also panics if the clock does not tell the time.
    #[must_use]
    pub fn build_duplicates(&self) -> [Request<SignedBody>; 2] {
        let time = self.time();
        let first = self.clone().unix_seconds(time).build();
        let id = &first.headers()[self.signer.family.id_header()];
        let id = id.to_str().expect("it was signed");
        let second = self.clone().id(id).unix_seconds(time + 1).build();
        [first, second]
    }

    fn time(&self) -> u64 {
        let time = self.signer.clock.unix_seconds();
        time.expect("the clock tells the time")
    }
}
