//! Requests that are signed like real ones.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Request, Uri};

use super::clock::ManualClock;
use crate::random;
use crate::sign::{IntoSigningKeys, SignedBody, Signer};
use crate::signature::{HeaderFamily, Secret, SigningKey};

/// Makes a request that is signed as a sender signs it.
///
/// Unless it is told otherwise: `POST /` with `content-type: application/json`, no body, a random id, and the current
/// time. See the [module docs](super) for an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct SignedRequest {
    signer: Signer,
    request: Request<SignedBody>,
}

impl SignedRequest {
    /// Signs with whatever [`SvixSignLayer::new`](crate::SvixSignLayer::new) takes.
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

    /// Signs with `key` too, as a sender does during a rotation.
    pub fn also_sign_with(mut self, key: impl Into<SigningKey>) -> Self {
        self.signer.keys.push(key.into());
        self
    }

    /// Sets the method.
    pub fn method(mut self, method: Method) -> Self {
        *self.request.method_mut() = method;
        self
    }

    /// Sets the path, or the whole URI.
    ///
    /// # Panics
    ///
    /// If it is no URI.
    pub fn uri<T>(mut self, uri: T) -> Self
    where
        T: TryInto<Uri>,
        T::Error: Into<http::Error>,
    {
        let uri = uri.try_into().map_err(Into::into);
        *self.request.uri_mut() = uri.unwrap_or_else(|error| panic!("{error}"));
        self
    }

    /// Sets a header other than the three of the signature.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.request.headers_mut().insert(name, value);
        self
    }

    /// Sets the family of the headers of the signature. Default: [`HeaderFamily::WEBHOOK`].
    pub fn header_family(mut self, family: HeaderFamily) -> Self {
        self.signer.family = family;
        self
    }

    /// Sets the id.
    pub fn id(mut self, id: &str) -> Self {
        let id = id.to_owned();
        self.signer.id_generator = Some(Arc::new(move || id.clone()));
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

    /// Makes the request.
    ///
    /// # Panics
    ///
    /// If the request cannot be signed: the id is not visible ASCII, or holds a full stop, or there is no key.
    #[must_use]
    pub fn build(&self) -> Request<SignedBody> {
        let mut request = self.request.clone();
        let body = request.body().clone().into_bytes();
        self.signer
            .sign(request.headers_mut(), &body)
            .unwrap_or_else(|error| panic!("{error}"));
        request
    }

    /// Makes a forgery: the same request, signed with a key that nobody knows. A receiver rejects it with the code
    /// `signature-mismatch`.
    ///
    /// # Panics
    ///
    /// As [`build`](Self::build), and if the operating system has no randomness to give.
    #[must_use]
    pub fn build_forged(&self) -> Request<SignedBody> {
        let mut key = [0; 32];
        random::fill(&mut key).unwrap_or_else(|error| panic!("{error}"));
        let key = Secret::from_bytes(&key).unwrap_or_else(|error| panic!("{error}"));
        let mut forgery = self.clone();
        forgery.signer.keys = vec![key.into()];
        forgery.build()
    }

    /// Makes a request that is genuine but stale, as a captured one is when it is sent again: it was signed an hour before
    /// the time of this one. A receiver rejects it with the code `timestamp-too-old`, if its tolerance is less.
    ///
    /// # Panics
    ///
    /// As [`build`](Self::build), and if the clock does not tell the time.
    #[must_use]
    pub fn build_stale(&self) -> Request<SignedBody> {
        let time = self.time();
        self.clone().unix_seconds(time.saturating_sub(3600)).build()
    }

    /// Makes two deliveries of one event, as when the sender has not seen the response to the first: the second has the
    /// same id and body, and is signed anew, one second later.
    ///
    /// # Panics
    ///
    /// As [`build`](Self::build), and if the clock does not tell the time.
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
