//! The responses that the crate makes itself. No other file writes `application/problem+json`.

use std::fmt::{self, Write as _};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

/// Returns a response whose body is `application/problem+json` ([RFC 9457]), with the headers that its status requires.
///
/// `code` must need no escapes in JSON. `detail` is escaped.
///
/// [RFC 9457]: https://www.rfc-editor.org/rfc/rfc9457
pub(crate) fn problem(
    status: StatusCode,
    code: &'static str,
    detail: &dyn fmt::Display,
) -> Response<Bytes> {
    let mut text = start(status);
    text.push_str(r#","code":""#);
    text.push_str(code);
    text.push_str(r#"","detail":""#);
    write!(Escaped(&mut text), "{detail}").expect("a `String` takes any text");
    text.push('"');
    respond(status, text)
}

/// Returns the same response with only the status, for a response that must not tell the cause.
pub(crate) fn opaque_problem(status: StatusCode) -> Response<Bytes> {
    respond(status, start(status))
}

fn start(status: StatusCode) -> String {
    // Enough for all but the longest details.
    let mut text = String::with_capacity(192);
    text.push_str(r#"{"title":""#);
    text.push_str(status.canonical_reason().unwrap_or_default());
    text.push_str(r#"","status":"#);
    text.push_str(status.as_str());
    text
}

fn respond(status: StatusCode, mut text: String) -> Response<Bytes> {
    const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
    const CHALLENGE: HeaderValue = HeaderValue::from_static("Standard-Webhooks");
    const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("30");

    text.push('}');
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

/// Writer that escapes text for a JSON string ([RFC 8259, section 7](https://www.rfc-editor.org/rfc/rfc8259#section-7)).
struct Escaped<'t>(&'t mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        let must_be_escaped = |byte: u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        // Hardly any text needs an escape. This check reads sixteen bytes at a time, unlike a search for the first.
        let has_any = text
            .bytes()
            .fold(false, |has_any, byte| has_any | must_be_escaped(byte));
        // All bytes to escape are ASCII, so the text can be split there.
        while has_any && let Some(index) = text.bytes().position(must_be_escaped) {
            self.0.push_str(&text[..index]);
            write!(self.0, "\\u{:04x}", text.as_bytes()[index])?;
            text = &text[index + 1..];
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_escaped() {
        let detail = "a \"key\" with a \\, a\nline, a \u{1f}, a \0 and a \u{e9}";
        let body = problem(StatusCode::BAD_REQUEST, "x", &detail).into_body();
        let text = std::str::from_utf8(&body).unwrap();
        assert_eq!(
            text,
            "{\"title\":\"Bad Request\",\"status\":400,\"code\":\"x\",\"detail\":\"a \\u0022key\\u0022 with a \\u005c, \
             a\\u000aline, a \\u001f, a \\u0000 and a \u{e9}\"}"
        );
    }
}
