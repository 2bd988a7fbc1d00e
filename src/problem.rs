//! The responses that the crate makes itself: the only place that writes `application/problem+json`.

use std::fmt::{self, Write as _};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

/// A response whose body is `application/problem+json` ([RFC 9457]), with the headers that its status requires.
///
/// [RFC 9457]: https://www.rfc-editor.org/rfc/rfc9457
pub(crate) fn problem(
    status: StatusCode,
    code: &str,
    detail: &dyn fmt::Display,
) -> Response<Bytes> {
    let code = Escaped(&code);
    let detail = Escaped(detail);
    respond(
        status,
        format_args!(r#","code":"{code}","detail":"{detail}""#),
    )
}

/// The same with the status alone, for a response that must not tell the cause.
pub(crate) fn opaque_problem(status: StatusCode) -> Response<Bytes> {
    respond(status, format_args!(""))
}

fn respond(status: StatusCode, members: fmt::Arguments<'_>) -> Response<Bytes> {
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

/// A text within a JSON string ([RFC 8259, section 7](https://www.rfc-editor.org/rfc/rfc8259#section-7)).
struct Escaped<'t>(&'t dyn fmt::Display);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escape<'a, 'f>(&'a mut fmt::Formatter<'f>);

        impl fmt::Write for Escape<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                for character in text.chars() {
                    match character {
                        '"' | '\\' => write!(self.0, "\\{character}")?,
                        '\0'..='\x1f' => write!(self.0, "\\u{:04x}", u32::from(character))?,
                        _ => self.0.write_char(character)?,
                    }
                }
                Ok(())
            }
        }

        write!(Escape(f), "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_escaped() {
        let detail = "a \"key\" with a \\, a\nline and a \u{1f} or \u{e9}";
        let body = problem(StatusCode::BAD_REQUEST, "x", &detail).into_body();
        let text = std::str::from_utf8(&body).unwrap();
        assert_eq!(
            text,
            "{\"title\":\"Bad Request\",\"status\":400,\"code\":\"x\",\"detail\":\"a \\\"key\\\" with a \\\\, \
             a\\u000aline and a \\u001f or \u{e9}\"}"
        );
    }
}
