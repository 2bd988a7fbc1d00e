//! The responses that the crate's middlewares make themselves.

use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

/// A response whose body is `application/problem+json` ([RFC 9457]), with what its status requires of the headers.
///
/// [RFC 9457]: https://www.rfc-editor.org/rfc/rfc9457
pub(crate) fn problem(status: StatusCode, members: fmt::Arguments<'_>) -> Response<Bytes> {
    const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
    const CHALLENGE: HeaderValue = HeaderValue::from_static("Standard-Webhooks");
    const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("30");

    let title = status.canonical_reason().unwrap_or_default();
    let text = format!(
        r#"{{"title":"{title}","status":{}{members}}}"#,
        status.as_u16()
    );

    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, PROBLEM_JSON);
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, CHALLENGE);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, RETRY_SECONDS);
    }
    response
}
