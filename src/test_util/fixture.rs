//! A delivery that was saved to a file.

use std::error::Error;
use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use super::clock::ManualClock;
use super::request::SignedRequest;
use crate::sign::{IntoSigningKeys, SignedBody};
use crate::signature::HeaderFamily;

/// A saved delivery, to test a handler with.
///
/// The file has the format of HTTP/1.1: the request line, the headers, an empty line, and the bytes of the body up to
/// the end of the file. So the body can contain any bytes, and people can read a diff. The program `webhook listen`
/// saves such files, and [`to_bytes`](Self::to_bytes) makes them.
///
/// A saved delivery is signed with the secret of the endpoint that received it. If that secret must not be in the
/// repository, [sign the delivery again](Self::sign_again) with a key of the test.
///
/// # Example
///
/// ```
/// use http::{Request, Response};
/// use std::convert::Infallible;
/// use tower::{ServiceBuilder, ServiceExt};
/// use tower_svix::test_util::Fixture;
/// use tower_svix::{Secret, SvixVerifyLayer, VerifiedBody};
///
/// async fn handler(_: Request<VerifiedBody>) -> Result<Response<()>, Infallible> {
///     Ok(Response::new(()))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let file = "POST /webhook HTTP/1.1
/// # webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek
/// # webhook-timestamp: 1614265330
/// # webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
/// #
/// # {\"test\": 2432232314}";
/// // let file = include_bytes!("fixtures/test.http");
/// let fixture = Fixture::parse(file)?;
///
/// let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// let service = ServiceBuilder::new()
///     .layer(SvixVerifyLayer::new(secret).clock(fixture.clock()))
///     .service_fn(handler);
///
/// let response = service.oneshot(fixture.request()).await?;
/// assert_eq!(response.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Fixture {
    request: Request<SignedBody>,
    family: HeaderFamily,
    unix_seconds: u64,
}

impl Fixture {
    /// Parses the content of a file.
    ///
    /// The lines of the head may end with a newline alone. A newline after the body, which editors add, is dropped if
    /// the `content-length` does not include it.
    ///
    /// # Errors
    ///
    /// Returns [`FixtureError`] if the file is not an HTTP/1.1 request, if the length of the body differs from the
    /// `content-length`, or if the request is not a delivery: its headers must contain an id, and a timestamp in
    /// seconds since 1970.
    pub fn parse(file: impl AsRef<[u8]>) -> Result<Self, FixtureError> {
        Self::from_request(read(file.as_ref())?)
    }

    /// Parses the content of a file, from a sender that uses its own names for the headers.
    ///
    /// # Errors
    ///
    /// Same as [`parse`](Self::parse).
    pub fn parse_family(
        file: impl AsRef<[u8]>,
        family: HeaderFamily,
    ) -> Result<Self, FixtureError> {
        Self::of(read(file.as_ref())?, &[family])
    }

    /// Makes a fixture from a request that was received, to [write](Self::to_bytes) it to a file.
    ///
    /// # Errors
    ///
    /// Returns [`FixtureError::NoDelivery`] if neither the `svix-*` nor the `webhook-*` headers contain an id, and a
    /// timestamp in seconds since 1970.
    pub fn from_request(request: Request<Bytes>) -> Result<Self, FixtureError> {
        Self::of(request, &[HeaderFamily::SVIX, HeaderFamily::WEBHOOK])
    }

    fn of(request: Request<Bytes>, families: &[HeaderFamily]) -> Result<Self, FixtureError> {
        let (family, unix_seconds) = families
            .iter()
            .find_map(|family| Some((*family, unix_seconds(request.headers(), *family)?)))
            .ok_or(FixtureError::NoDelivery)?;
        Ok(Self {
            request: request.map(SignedBody::new),
            family,
            unix_seconds,
        })
    }

    /// Returns the content of a file that [`parse`](Self::parse) reads. The bytes of the body are exactly those that
    /// arrived.
    ///
    /// The `content-length` is the length of the body. A `transfer-encoding` is left out, because the body is written
    /// as a whole.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (head, body) = self.request.clone().into_parts();
        let body = body.into_bytes();
        let target = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut file = format!("{} {target} HTTP/1.1\r\n", head.method).into_bytes();
        let mut line = |name: &HeaderName, value: &[u8]| {
            file.extend_from_slice(name.as_str().as_bytes());
            file.extend_from_slice(b": ");
            file.extend_from_slice(value);
            file.extend_from_slice(b"\r\n");
        };
        let is_framing =
            |name: &HeaderName| name == CONTENT_LENGTH || name == http::header::TRANSFER_ENCODING;
        for (name, value) in &head.headers {
            if !is_framing(name) {
                line(name, value.as_bytes());
            }
        }
        line(&CONTENT_LENGTH, body.len().to_string().as_bytes());
        file.extend_from_slice(b"\r\n");
        file.extend_from_slice(&body);
        file
    }

    /// Returns the request, as it was received.
    #[must_use]
    pub fn request(&self) -> Request<SignedBody> {
        self.request.clone()
    }

    /// Returns the time at which the delivery was signed, in seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_seconds(&self) -> u64 {
        self.unix_seconds
    }

    /// Returns a clock for the layer that shows the [time of the delivery](Self::unix_seconds). With the system's
    /// clock, the delivery is too old.
    #[must_use]
    pub fn clock(&self) -> ManualClock {
        ManualClock::new(self.unix_seconds)
    }

    /// Returns the same request, to be signed with other keys. The id, the time and the family of the headers stay the
    /// same unless you set them.
    ///
    /// # Panics
    ///
    /// Panics if the id is not visible ASCII. [`SignedRequest::build`] also panics if it contains a full stop.
    pub fn sign_again(&self, keys: impl IntoSigningKeys) -> SignedRequest {
        let mut request = self.request.clone();
        for name in [
            self.family.id_header(),
            self.family.timestamp_header(),
            self.family.signature_header(),
        ] {
            request.headers_mut().remove(name);
        }
        let id = self.request.headers()[self.family.id_header()].to_str();
        SignedRequest::of(request, keys.into_signing_keys())
            .header_family(self.family)
            .id(id.expect("the id is visible ASCII"))
            .unix_seconds(self.unix_seconds)
    }
}

/// The number of headers that servers accept by default.
const MAX_HEADERS: usize = 100;

/// Parses an HTTP/1.1 request.
fn read(file: &[u8]) -> Result<Request<Bytes>, FixtureError> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut lines);
    let body = match head.parse(file) {
        Ok(httparse::Status::Complete(len)) => &file[len..],
        _ => return Err(FixtureError::NotHttp),
    };
    let mut request = Request::new(());
    *request.method_mut() = parse(head.method)?;
    *request.uri_mut() = parse(head.path)?;
    for line in head.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes());
        let value = HeaderValue::from_bytes(line.value);
        let name = name.map_err(|_| FixtureError::NotHttp)?;
        let value = value.map_err(|_| FixtureError::NotHttp)?;
        request.headers_mut().append(name, value);
    }
    let body = Bytes::copy_from_slice(whole_body(request.headers(), body)?);
    Ok(request.map(|()| body))
}

fn parse<T: std::str::FromStr>(text: Option<&str>) -> Result<T, FixtureError> {
    text.and_then(|text| text.parse().ok())
        .ok_or(FixtureError::NotHttp)
}

/// Returns the body, without a newline that an editor has added.
fn whole_body<'b>(headers: &HeaderMap, body: &'b [u8]) -> Result<&'b [u8], FixtureError> {
    let Some(length) = headers.get(CONTENT_LENGTH) else {
        return Ok(body);
    };
    let length = length.to_str().ok().and_then(|text| text.parse().ok());
    let expected: usize = length.ok_or(FixtureError::NotHttp)?;
    match body.split_at_checked(expected) {
        Some((body, [] | b"\n" | b"\r\n")) => Ok(body),
        _ => Err(FixtureError::WrongLength {
            expected,
            found: body.len(),
        }),
    }
}

/// Returns the time of a delivery that has the id and the timestamp of `family`.
fn unix_seconds(headers: &HeaderMap, family: HeaderFamily) -> Option<u64> {
    headers.get(family.id_header())?;
    let timestamp = headers.get(family.timestamp_header())?;
    timestamp.to_str().ok()?.parse().ok()
}

/// Leaves out the headers and the body.
impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture")
            .field("method", self.request.method())
            .field("uri", self.request.uri())
            .field("unix_seconds", &self.unix_seconds)
            .finish_non_exhaustive()
    }
}

/// The reason why a file is not a [`Fixture`].
///
/// # Example
///
/// ```
/// use tower_svix::test_util::{Fixture, FixtureError};
///
/// assert_eq!(Fixture::parse("{}").err(), Some(FixtureError::NotHttp));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FixtureError {
    /// The file is not an HTTP/1.1 request.
    NotHttp,
    /// The length of the body differs from the `content-length`: the file may have been edited.
    WrongLength {
        /// The `content-length`, in bytes.
        expected: usize,
        /// The length of the body, in bytes.
        found: usize,
    },
    /// The headers do not contain an id, and a timestamp in seconds since 1970.
    NoDelivery,
}

impl fmt::Display for FixtureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHttp => f.write_str("the file is not an HTTP/1.1 request"),
            Self::WrongLength { expected, found } => write!(
                f,
                "the body has {found} bytes, and its `content-length` is {expected}: was the file edited?"
            ),
            Self::NoDelivery => f.write_str(
                "the request is no delivery: it has no id, or no timestamp in seconds since 1970",
            ),
        }
    }
}

impl Error for FixtureError {}
