//! What a gRPC client is told: it looks for the outcome of a call in headers of gRPC's own, and takes a response without
//! them for a broken one.

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

/// Ends a call with `code`, and with a `message` of visible ASCII without a percent sign.
pub(crate) fn end_call(headers: &mut HeaderMap, code: Code, message: Option<String>) {
    headers.insert("grpc-status", HeaderValue::from(code as u16));
    if let Some(message) = message {
        let message = HeaderValue::try_from(message).expect("the message is visible ASCII");
        headers.insert("grpc-message", message);
    }
}
