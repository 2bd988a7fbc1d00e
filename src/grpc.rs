//! All that gRPC asks and answers: whether a request is a call, and how a call ends.
//!
//! A gRPC client looks for the outcome of a call in headers of gRPC's own, and takes a response without them for a broken
//! one ([gRPC over HTTP/2]).
//!
//! [gRPC over HTTP/2]: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

/// A [status code of gRPC](https://grpc.io/docs/guides/status-codes/).
#[derive(Clone, Copy)]
pub(crate) enum Code {
    InvalidArgument = 3,
    #[cfg(feature = "idempotency")]
    AlreadyExists = 6,
    ResourceExhausted = 8,
    #[cfg(feature = "idempotency")]
    Aborted = 10,
    #[cfg(feature = "idempotency")]
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// Whether a request with these headers is a gRPC call.
pub(crate) fn is_call(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    let mut parts = content_type
        .as_bytes()
        .split(|byte| matches!(byte, b'+' | b';' | b' '));
    parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case(b"application/grpc"))
}

/// Whether the headers of a response say that the call failed, whatever its HTTP status is.
#[cfg(feature = "idempotency")]
pub(crate) fn is_failure(headers: &HeaderMap) -> bool {
    headers
        .get("grpc-status")
        .is_some_and(|status| status != "0")
}

/// Ends a call with `code`, and with a `message` of visible ASCII without a percent sign.
pub(crate) fn end_call(headers: &mut HeaderMap, code: Code, message: Option<String>) {
    headers.insert("grpc-status", HeaderValue::from(code as u16));
    if let Some(message) = message {
        let message = HeaderValue::try_from(message).expect("the message is visible ASCII");
        headers.insert("grpc-message", message);
    }
}
