//! Let a request through only if its Svix or Standard Webhooks signature is valid.
//!
//! A request reaches the inner service when all of these hold, checked in this order:
//!
//! 1. The three headers of one family are there, each once and in its proper form: `svix-id`, `svix-timestamp` and
//!    `svix-signature`, or else `webhook-id`, `webhook-timestamp` and `webhook-signature`. If both are there, `svix-*` is
//!    read. Other names are read only if [configured](crate::HeaderFamily), and then exclusively.
//! 2. The timestamp is within the tolerance of the clock, in the past and in the future.
//! 3. A [listed](#lists-of-signatures) signature has a supported version and form.
//! 4. The [keys](crate::KeySource) that may have signed the request are there. Unless they are looked up among those of
//!    several tenants, a listed signature has the form that one of them makes.
//! 5. The length of the body, where it is known in advance, is within the limit, and within what is left of the layer's
//!    [memory](crate::SvixVerifyLayer::memory_limit), if that is limited.
//! 6. The body arrives whole, within both.
//! 7. One of the listed signatures was made with one of the keys over `id.timestamp.body`, and the timestamp is still
//!    within the tolerance.
//!
//! While a request waits for its keys or its body, the timestamp is checked again each time that it is woken, so that an upload
//! that trickles in ends with the tolerance: up to twice that time, if the timestamp lies in the future. One that sends
//! nothing wakes nobody: a timeout [outside](#placement) ends it.
//!
//! So a request with invalid headers is rejected before any of its body is read. If all of this is so, the inner
//! service is asked for capacity, and called, with the very bytes that were verified as a
//! [`VerifiedBody`](crate::VerifiedBody), and with the proof, a [`VerifiedEvent`](crate::VerifiedEvent), in the
//! request's extensions. All methods are treated alike.
//!
//! The inner service's response and error types stay as they are: a rejection is a response.
//!
//! # Examples
//!
//! ```
//! use http::{Request, Response};
//! use std::convert::Infallible;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_svix::{Secret, SvixVerifyLayer, VerifiedBody, VerifiedEvent};
//!
//! async fn receive(request: Request<VerifiedBody>) -> Result<Response<String>, Infallible> {
//!     let event: &VerifiedEvent = request.extensions().get().expect("verified");
//!     Ok(Response::new(format!("{} received", event.id())))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
//! let service = ServiceBuilder::new()
//!     .layer(SvixVerifyLayer::new(secret))
//!     .service_fn(receive);
//!
//! let forged = Request::new(String::from("{}"));
//! let response = service.oneshot(forged).await?;
//! assert_eq!(response.status(), 401);
//! # Ok(())
//! # }
//! ```
//!
//! With two keys while the sender rotates them, a narrower window, and bodies of up to 16 MiB:
//!
//! ```
//! use std::time::Duration;
//! use tower_svix::{Secret, SvixVerifyLayer};
//!
//! # fn main() -> Result<(), tower_svix::KeyError> {
//! let new: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
//! let old: Secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse()?;
//! let layer = SvixVerifyLayer::new([new, old])
//!     .tolerance(Duration::from_secs(60))
//!     .body_limit(16 * 1024 * 1024);
//! # Ok(())
//! # }
//! ```
//!
//! # Rejections
//!
//! | `code` | Status | Cause |
//! | --- | --- | --- |
//! | `header-missing` | 401 | No family of headers is complete. The `detail` names a header of the family with fewer missing headers, or both families if neither is there. |
//! | `header-duplicate` | 401 | A header of the family is given more than once. |
//! | `header-malformed` | 401 | A header is empty, or not visible ASCII, or the id holds a full stop. |
//! | `timestamp-malformed` | 401 | The timestamp is not a plain number of seconds. |
//! | `timestamp-too-old` | 401 | The timestamp is further in the past than the tolerance. The `detail` says how far. |
//! | `timestamp-too-new` | 401 | The timestamp is further in the future than the tolerance. The `detail` says how far, or that it seems to be in milliseconds. |
//! | `signature-unsupported` | 401 | No listed signature has a version and form that the keys make. |
//! | `signature-mismatch` | 401 | No listed signature matches the id, timestamp and body under one of the keys. |
//! | `body-too-large` | 413 | The body is longer than the limit, or claims to be. |
//! | `body-unreadable` | 503 | The body broke off, or could not be read for another reason, such as a timeout. |
//! | `clock-unavailable` | 503 | The clock did not tell the time. |
//! | `keys-unavailable` | 503 | The lookup of the keys failed. |
//! | `memory-exhausted` | 503 | The unverified bodies of the layer take all of its memory. |
//!
//! The response has a body of the type `application/problem+json` ([RFC 9457]) with the `code` and a `detail` in
//! prose: senders show it in their delivery log. It never holds a secret, a signature or a part of the body. Any 401
//! comes with `WWW-Authenticate`, and any 503 with `Retry-After`, so that a delivery that could not be judged is not
//! lost.
//!
//! The rest of a rejected body is left unread. Over HTTP/1.1, a server then closes the connection, and a client that is
//! still sending may see an error of the connection in place of the response: the larger the body, the more often, and mostly
//! if it reads nothing before it has sent all. A client that asks first, with `Expect: 100-continue`, sees the response, and
//! so does one over HTTP/2. Reading the rest would cost what the early rejection spares.
//!
//! A gRPC call, which comes over HTTP/2 or later with `content-type: application/grpc`, is answered as gRPC asks: with
//! HTTP 200, the same `content-type`, no body, and the code and the detail in `grpc-message`. Its `grpc-status` is `UNAUTHENTICATED` instead of 401, `RESOURCE_EXHAUSTED` instead of 413, and
//! `UNAVAILABLE` instead of 503. So count rejections by their codes rather than by the status of HTTP.
//!
//! [`opaque_rejections`](crate::SvixVerifyLayer::opaque_rejections) leaves the cause out, and
//! [`rejection_response`](crate::SvixVerifyLayer::rejection_response) replaces the response. The
//! [`Rejection`](crate::Rejection) is in the extensions of the response in any case.
//!
//! # Lists of signatures
//!
//! Single spaces separate the elements of a list. Each may end with one comma, since some senders join them with a comma and
//! a space, as proxies do that join repeated headers. After that comma is taken away, an element is
//!
//! | Element | Length of the signature | Key |
//! | --- | ---: | --- |
//! | `v1,` and base64, or base64 alone | 44 | [`Secret`](crate::Secret) |
//! | `v1,` and hexadecimal digits, or these alone | 64 | [`Secret::text_key_with_hex_signatures`](crate::Secret::text_key_with_hex_signatures) |
//! | `v1a,` and base64 | 88 | `PublicKey` (feature `ed25519`) |
//! | anything else: it is passed over | | |
//!
//! Signatures that are joined by a comma alone, `v1,…,v1,…`, are not supported: no sender that we know does so. What has no
//! version must have no comma: `v2,` and a right MAC match nothing. Lengths and versions decide what is
//! rejected as `signature-unsupported`; the rest is compared. The features of the crate decide nothing.
//!
//! A list that no key can match is rejected before the body is read, but not among tenants: whether an answer comes early
//! would tell that a tenant exists. A [`KeySource`](crate::KeySource) can say that it has
//! [a single one](crate::KeySource::is_single_tenant).
//!
//! # What a request costs
//!
//! The body is hashed as it arrives, with the first key. A genuine delivery costs one MAC for each key up to the one that
//! signed it: one, if that is the first. A forged delivery costs one MAC for each HMAC key, however many signatures it
//! lists, and at most eleven passes for each public key (feature `ed25519`): each `v1a` signature that is tried takes a
//! pass of SHA-512 over the body and an operation on the curve, and a sender lists one for each of its keys that has not
//! expired, which are two during a rotation, and eleven at most with Svix. No poll hashes more than 128 KiB, nor copies more,
//! unless a buffer has to move or a frame is not of `Bytes`.
//!
//! # What is not verified
//!
//! The signature covers the id, the timestamp and the body. The method, the path and every other header are as the
//! network delivered them, `content-type` included. Trailers are dropped. A captured delivery can be replayed until
//! its timestamp expires: `IdempotencyLayer` prevents this.
//!
//! # Placement
//!
//! - Place the layer where it sees the bytes that the sender signed. If the sender compresses what it signed, decompress
//!   outside of the layer; if it signs what it compressed, decompress inside.
//! - Place timeouts and rate limits outside. A body is kept until it ends, up to the limit; a timeout for slow bodies
//!   inside would only ever see whole ones. A timeout for the whole request ends a trickle too; one that starts anew with each
//!   frame, as `RequestBodyTimeoutLayer` of tower-http has it, ends a stalled upload only, and leaves the trickle to the
//!   tolerance.
//! - Place a limit on open requests outside, or on connections and on the requests of each. Each request may hold a body
//!   of up to the limit before it is known to be forged: the memory that this takes is at most the product of the two. Over
//!   HTTP/1.1, a connection carries one request at a time. Over HTTP/2, it carries as many as
//!   `max_concurrent_streams` allows, which is 200 with hyper: set it to a few, as
//!   `examples/hyper.rs` does. [`memory_limit`](crate::SvixVerifyLayer::memory_limit) limits the sum, however many there are.
//! - Place limits on what the handler needs, such as concurrency and buffers, inside. They are asked for capacity only
//!   once the request is verified, so that forged and stalled requests cannot use it up.
//!
//! # Metrics and traces
//!
//! With the feature `metrics`:
//!
//! | Metric | Kind | Labels | Unit |
//! | --- | --- | --- | --- |
//! | `webhook_deliveries_total` | counter | `outcome`: `verified`, or the `code` of the rejection | deliveries |
//! | `webhook_body_bytes` | histogram of verified deliveries | | bytes |
//! | `webhook_verification_seconds` | histogram of verified deliveries: lookup of the keys, and arrival of the body | | seconds |
//!
//! With the feature `tracing`, each verified delivery has a span `webhook` at INFO, in which the inner service runs. It tells
//! the id (`messaging.message.id`), the type (with the feature `json`, of a payload up to 64 KiB, from the place set on the
//! layer), the tenant and the key; in the end, the outcome, the status, and the seconds that each phase took. Up to the
//! verdict, a request has a span `webhook.verification` at DEBUG.
//!
//! # The log
//!
//! With the feature `tracing`, a rejection is logged with its `code`: at WARN, or at ERROR if it is the receiver's fault
//! (`clock-unavailable`, and `keys-unavailable` with its cause). A program shows that as soon as it has a subscriber, such as
//! that of `tracing-subscriber`:
//!
//! ```rs
//! tracing_subscriber::fmt().init();
//! ```
//!
//! ```text
//! WARN tower_svix::telemetry::trace: webhook rejected: the header `webhook-id` is missing code="header-missing"
//! ```
//!
//! For each code, a layer logs at most one line a second, and up to ten at once, however many forgeries arrive. The number of
//! the others is in the next line, as `suppressed`. If there is none, that number gets a line at the next delivery that is
//! verified or rejected, or when the layer and its services are dropped. While the layer's [`Clock`](crate::Clock) does not
//! tell the time, one rejection in a thousand is logged. The metrics count every rejection.
//!
//! # Cancel safety
//!
//! Dropping the response future frees what was received of the body, and what the inner service reserved.
//!
//! [RFC 9457]: https://www.rfc-editor.org/rfc/rfc9457

pub(crate) mod body;
mod config;
mod future;
pub(crate) mod key_source;
pub(crate) mod keyring_map;
pub(crate) mod layer;
mod memory;
mod receive;
pub(crate) mod rejection;
mod responder;
mod service;

pub use self::future::ResponseFuture;
pub use self::service::SvixVerify;
