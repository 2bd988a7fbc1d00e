//! Middleware that lets a request through only if its Svix or Standard Webhooks signature is valid.
//!
//! A request reaches the inner service if it passes these checks, in this order:
//!
//! 1. The three headers of one [family](#headers) are present, each once and well-formed.
//! 2. The timestamp is within the [tolerance] of the current time, in the past and in the future.
//! 3. At least one [listed](#lists-of-signatures) signature has a supported version and form.
//! 4. The [keys](crate::KeySource) that may have signed the request are found. With a single tenant, at least one listed
//!    signature has a form that one of these keys makes.
//! 5. The length of the body, if it is known in advance, is within the [body limit], and within what is left of the
//!    [memory limit], if one is set.
//! 6. The whole body arrives, within both limits.
//! 7. One of the listed signatures was made with one of the keys over `id.timestamp.body`, and the timestamp is still
//!    within the tolerance.
//!
//! The inner service is then called with the exact bytes that were verified, as a [`VerifiedBody`], and with the proof,
//! a [`VerifiedEvent`], in the request's extensions. Any other request gets a [rejection](#rejections). The inner
//! service is asked for capacity only once a request is verified. All methods are treated alike.
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
//! With two keys during a rotation, a tolerance of one minute, and bodies of up to 16 MiB:
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
//! [`SvixVerifyLayer`] shows how to add the layer to the routes of axum.
//!
//! # Headers
//!
//! The headers of a delivery are `svix-id`, `svix-timestamp` and `svix-signature`, or `webhook-id`, `webhook-timestamp`
//! and `webhook-signature`. If both families are complete, `svix-*` is read. Other names are read only if the layer is
//! [configured](crate::SvixVerifyLayer::header_family) with them, and then no others are.
//!
//! A request with invalid headers is rejected before any of its body is read.
//!
//! # Slow bodies
//!
//! While a request waits for its keys or its body, the timestamp is checked again each time that the request is woken.
//! A slow upload therefore ends once its timestamp is outside the tolerance: 300 seconds after the timestamp by default,
//! which is up to 600 seconds after its start if the timestamp is in the future. An upload that sends nothing does not wake
//! the request: only a timeout [outside](#placement) of the layer ends it.
//!
//! # Rejections
//!
//! | `code` | Status | Cause |
//! | --- | --- | --- |
//! | `header-missing` | 401 | No family of headers is complete. The `detail` names a header of the family with fewer missing headers (`webhook-*` if both lack as many), or both families if neither is there. |
//! | `header-duplicate` | 401 | A header of the family is given more than once. |
//! | `header-malformed` | 401 | A header is empty, or not visible ASCII, or the id contains a full stop. |
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
//! A rejection is a response, and never an error: the error type is the inner service's. The [`Rejection`] is always in
//! the extensions of the response, for outer layers to log or count. [`opaque_rejections`] leaves the cause out of the
//! response, and [`rejection_response`] replaces the response.
//!
//! The body of the response has the type `application/problem+json` ([RFC 9457]), with the `code` and a `detail` in
//! prose, which senders show in their delivery logs. It never contains a secret, a signature or a part of the request's
//! body. Every 401 has `WWW-Authenticate`. Every 503 has `Retry-After`, so that a delivery that could not be judged is
//! not lost.
//!
//! A gRPC call, which comes over HTTP/2 or later with `content-type: application/grpc`, is answered in the form that
//! gRPC requires: HTTP 200, the same `content-type`, no body, and the code and the detail in `grpc-message`. The
//! `grpc-status` is `UNAUTHENTICATED` instead of 401, `RESOURCE_EXHAUSTED` instead of 413, and `UNAVAILABLE` instead of
//! 503. Therefore count rejections by their codes, and not by the HTTP status.
//!
//! The rest of a rejected body is not read, because reading it would cost what the early rejection saves. Over
//! HTTP/1.1, a server then closes the connection, and a client that is still sending may see a connection error instead
//! of the response. This is more likely with a larger body, and with a client that reads nothing before it has sent
//! everything. A client that asks first, with `Expect: 100-continue`, sees the response, and so does a client over
//! HTTP/2.
//!
//! # Lists of signatures
//!
//! Single spaces separate the elements of a list. An element may end with one comma: some senders, and proxies that
//! join repeated headers, put a comma and a space between the elements. Without that comma, an element is one of these:
//!
//! | Element | Length of the signature | Key |
//! | --- | ---: | --- |
//! | `v1,` and base64, or base64 alone | 44 | [`Secret`](crate::Secret) |
//! | `v1,` and hexadecimal digits, or these alone | 64 | [`Secret::text_key_with_hex_signatures`](crate::Secret::text_key_with_hex_signatures) |
//! | `v1a,` and base64 | 88 | [`PublicKey`](crate::PublicKey) (feature `ed25519`) |
//! | anything else | | It is ignored. |
//!
//! Signatures that only a comma joins (`v1,…,v1,…`) are not supported: no sender that we know sends them. An element with
//! an unknown version, such as `v2,` and a valid MAC, is ignored like anything else.
//!
//! A list is rejected as `signature-unsupported` if no element has a version and a length that one of the receiver's keys
//! makes. All other lists are compared. The features of the crate do not affect this.
//!
//! A list that no key can match is rejected before the body is read, except among tenants: there, an early answer would
//! reveal that a tenant exists. A [`KeySource`](crate::KeySource) can declare that it has
//! [a single tenant](crate::KeySource::is_single_tenant).
//!
//! # What a request costs
//!
//! The body is hashed with the first key as it arrives. A genuine delivery costs one MAC for each key up to the one
//! that signed it: a single MAC, if that is the first key. A forged delivery costs one MAC for each HMAC key, however
//! many signatures it lists.
//!
//! With the feature `ed25519`, each `v1a` signature that is tried costs a pass of SHA-512 over the body and an
//! operation on the curve, and a forged delivery costs at most eleven such passes for each public key. A sender lists
//! one signature for each of its keys that has not expired: two during a rotation, and at most eleven with Svix.
//!
//! No poll hashes more than 128 KiB. No poll copies more than that either, unless a buffer has to move or the frames of
//! the body are not [`Bytes`](bytes::Bytes).
//!
//! # What is not verified
//!
//! The signature covers the id, the timestamp and the body. The method, the path and all other headers, including
//! `content-type`, are as the network delivered them. Trailers are dropped. A captured delivery can be replayed until
//! its timestamp expires: [`IdempotencyLayer`](crate::IdempotencyLayer) prevents this.
//!
//! # Placement
//!
//! - Place the layer where it sees the bytes that the sender signed. If the sender compresses the payload after it
//!   signs it, decompress outside of the layer. If the sender signs the compressed payload, decompress inside.
//! - Place timeouts and rate limits outside. The layer keeps a body, up to the limit, until it ends, so a timeout for
//!   slow bodies inside of the layer would only see complete ones. A timeout for the whole request also ends an upload
//!   that trickles in. A timeout that starts anew with each frame, such as [`RequestBodyTimeoutLayer`] of tower-http,
//!   only ends an upload that stalls; one that trickles in then ends with the tolerance.
//! - Place a limit on open requests outside, or a limit on connections and a limit on the requests of each connection.
//!   Before a request is known to be forged, it can hold a body of up to the limit. The memory for this is at most the
//!   body limit times the number of open requests. Over HTTP/1.1, a connection carries one request at a time. Over
//!   HTTP/2, it carries as many as `max_concurrent_streams` allows: set it to a few, as `examples/hyper.rs` does. By
//!   default, hyper allows 200, and tonic sets no limit. `axum::serve` cannot change hyper's 200.
//!   [`memory_limit`](crate::SvixVerifyLayer::memory_limit) limits the sum, however many requests are open. One client
//!   that leaves uploads open can use it up, so limit each client too.
//! - Place the limits of the handler's resources, such as concurrency limits and buffers, inside. They are asked for
//!   capacity only once a request is verified, so that forged and stalled requests cannot use it up.
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
//! With the feature `tracing`, each verified delivery has a span `webhook` at INFO, and the inner service runs in it.
//! The span records:
//!
//! - the id (`messaging.message.id`), the tenant and the key;
//! - with the feature `json`, the type of an event with a payload of up to 64 KiB, from the
//!   [place](crate::SvixVerifyLayer::span_event_type_at) that is set on the layer;
//! - at the end, the outcome, the status, and how many seconds each phase took.
//!
//! Until the verdict, a request has a span `webhook.verification` at DEBUG.
//!
//! # The log
//!
//! With the feature `tracing`, each rejection is logged with its `code`. The level is WARN, or ERROR if the receiver is
//! at fault (`clock-unavailable`, and `keys-unavailable` with its cause). A program shows these lines as soon as it has
//! a subscriber, such as the one of `tracing-subscriber`:
//!
//! ```rs
//! tracing_subscriber::fmt().init();
//! ```
//!
//! ```text
//! WARN tower_svix::telemetry::trace: webhook rejected: the header `webhook-id` is missing code="header-missing"
//! ```
//!
//! For each code, a layer logs at most one line a second, and up to ten at once, however many forgeries arrive. The
//! next line with the same code has the number of rejections that were not logged, as `suppressed`. If there is no such
//! line, the number gets a line of its own at the next delivery that is verified or rejected, or when the layer and its
//! services are dropped. While the layer's [`Clock`](crate::Clock) does not tell the time, one rejection in a thousand
//! is logged. The metrics count every rejection.
//!
//! # Cancel safety
//!
//! Dropping the response future frees the part of the body that was received, and whatever the inner service reserved.
//!
//! [RFC 9457]: https://www.rfc-editor.org/rfc/rfc9457
//! [body limit]: crate::SvixVerifyLayer::body_limit
//! [memory limit]: crate::SvixVerifyLayer::memory_limit
//! [tolerance]: crate::SvixVerifyLayer::tolerance
//! [`Rejection`]: crate::Rejection
//! [`RequestBodyTimeoutLayer`]: https://docs.rs/tower-http/0.7/tower_http/timeout/struct.RequestBodyTimeoutLayer.html
//! [`SvixVerifyLayer`]: crate::SvixVerifyLayer#with-axum
//! [`VerifiedBody`]: crate::VerifiedBody
//! [`VerifiedEvent`]: crate::VerifiedEvent
//! [`opaque_rejections`]: crate::SvixVerifyLayer::opaque_rejections
//! [`rejection_response`]: crate::SvixVerifyLayer::rejection_response

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
