//! gRPC: whether a request is a call, and how a call ends.
//!
//! A gRPC client reads the outcome of a call from headers that gRPC defines, and treats a response without them as
//! broken ([gRPC over HTTP/2]).
//!
//! [gRPC over HTTP/2]: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

use std::fmt::{self, Write as _};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, Version};

/// A [status code of gRPC](https://grpc.io/docs/guides/status-codes/).
#[derive(Clone, Copy)]
pub(crate) enum Code {
    #[cfg(feature = "idempotency")]
    AlreadyExists = 6,
    ResourceExhausted = 8,
    #[cfg(feature = "idempotency")]
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// Whether a request of this version with these headers is a gRPC call.
///
/// gRPC requires HTTP/2. Without that check, a header that anyone can add would turn the rejections of any webhook into
/// HTTP 200, which proxies and metrics count as successes.
pub(crate) fn is_call(version: Version, headers: &HeaderMap) -> bool {
    if version < Version::HTTP_2 {
        return false;
    }
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

/// Returns a response that ends a call with `code` and has no body: HTTP 200 and only headers, as gRPC requires.
/// Clients attribute other statuses and content types to a proxy, and do not look for a code in them.
pub(crate) fn end_call(code: Code, message: Option<&dyn fmt::Display>) -> Response<Bytes> {
    const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, GRPC);
    headers.insert("grpc-status", HeaderValue::from(code as u16));
    if let Some(message) = message {
        let mut text = String::new();
        write!(PercentEncoded(&mut text), "{message}").expect("a `String` takes any text");
        let message = HeaderValue::try_from(text).expect("it is visible ASCII and spaces");
        headers.insert("grpc-message", message);
    }
    response
}

/// Writer that percent-encodes a `grpc-message`: everything but visible ASCII and spaces, and the percent sign itself.
struct PercentEncoded<'t>(&'t mut String);

impl fmt::Write for PercentEncoded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            match byte {
                b' '..=b'~' if byte != b'%' => self.0.push(char::from(byte)),
                _ => write!(self.0, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_percent_encoded() {
        for (message, encoded) in [
            ("", ""),
            ("too-long: ~ 5 kB", "too-long: ~ 5 kB"),
            ("100 %", "100 %25"),
            ("a\r\nb\u{7f}", "a%0D%0Ab%7F"),
            ("\u{e9}\u{1f389}", "%C3%A9%F0%9F%8E%89"),
        ] {
            let response = end_call(Code::Unavailable, Some(&message));
            assert_eq!(response.headers()["grpc-message"], encoded, "{message:?}");
        }
    }
}
