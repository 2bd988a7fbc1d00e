//! Access control of the page: only the page itself, in a browser on this machine, may use it.
//!
//! - The `host` must be a name of this machine. A site whose name resolves to this machine (DNS rebinding) has another
//!   host, and so has a tunnel.
//! - A request that came through a proxy is rejected: the page is not for the Internet, even if a tunnel leads to it.
//! - A browser sends the origin of a request in `origin` and `sec-fetch-site`. It must be the page itself.
//! - A request that changes something needs the token, which only the page has, and a content type that no form can
//!   send.

use std::sync::Arc;

use axum::extract::State;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use hyper::header::{CONTENT_TYPE, HOST, ORIGIN};
use hyper::{HeaderMap, Method, Request, StatusCode};

use super::Page;

/// The header of the token.
const TOKEN: &str = "x-webhook-token";

/// Rejects forbidden requests before any handler runs.
pub(super) async fn guard(
    State(page): State<Arc<Page>>,
    request: axum::extract::Request,
    next: Next,
) -> Response {
    match page.guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(why) => (StatusCode::FORBIDDEN, why).into_response(),
    }
}

pub(super) struct Guard {
    token: String,
}

impl Guard {
    pub(super) fn new(token: String) -> Self {
        Self { token }
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Checks a request. The error is the reason for a rejection.
    fn check<B>(&self, request: &Request<B>) -> Result<(), &'static str> {
        let headers = request.headers();
        let host = single(headers, HOST.as_str()).ok_or("the request names no host")?;
        if !is_this_machine(host) {
            return Err(
                "this page is for this machine alone: open it by the address that was printed",
            );
        }
        for passed_on in [
            "forwarded",
            "via",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-real-ip",
        ] {
            if headers.contains_key(passed_on) {
                return Err(
                    "this page is for this machine alone, and not behind a proxy or a tunnel",
                );
            }
        }
        let is_change = request.method() != Method::GET;
        if headers.contains_key(ORIGIN) {
            let origin = single(headers, ORIGIN.as_str());
            if origin != Some(&format!("http://{host}")) {
                return Err("another site sent this request");
            }
        }
        if headers.contains_key("sec-fetch-site") {
            let site = single(headers, "sec-fetch-site");
            let is_own = site == Some("same-origin") || (site == Some("none") && !is_change);
            // A link on another site may open the page, because that site cannot read it.
            let is_visit = request.uri().path() == "/"
                && !is_change
                && single(headers, "sec-fetch-mode") == Some("navigate");
            if !is_own && !is_visit {
                return Err("another site sent this request");
            }
        }
        if is_change {
            let token = single(headers, TOKEN).unwrap_or_default();
            if !is_equal(token.as_bytes(), self.token.as_bytes()) {
                return Err("the token of the page is missing or old: reload the page");
            }
            if single(headers, CONTENT_TYPE.as_str()) != Some("application/json") {
                return Err("the content must be JSON");
            }
        }
        Ok(())
    }
}

/// Returns the value of a header as text, if the header occurs exactly once.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Returns whether a host always means the local machine, wherever it is resolved. The port does not matter, because an
/// editor or a container may have mapped it.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|own| name.eq_ignore_ascii_case(own))
}

/// Compares in a time that does not depend on the position of a difference.
fn is_equal(left: &[u8], right: &[u8]) -> bool {
    let difference = left
        .iter()
        .zip(right)
        .fold(0, |difference, (left, right)| difference | (left ^ right));
    left.len() == right.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::Guard;

    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], bool);

    #[allow(clippy::too_many_lines, reason = "most of it is a table")]
    #[test]
    fn only_the_page_itself_may_use_it() {
        let own = ("host", "127.0.0.1:4040");
        let token = ("x-webhook-token", "secret");
        let json = ("content-type", "application/json");
        let same = ("origin", "http://127.0.0.1:4040");
        let rows: &[Row<'_>] = &[
            ("a visit", "GET /", &[own], true),
            ("by name", "GET /", &[("host", "localhost:4040")], true),
            ("by IPv6", "GET /", &[("host", "[::1]:4040")], true),
            (
                "through a mapped port",
                "GET /",
                &[("host", "localhost:51234")],
                true,
            ),
            (
                "rebound",
                "GET /events",
                &[("host", "evil.example:4040")],
                false,
            ),
            (
                "rebound, default port",
                "GET /events",
                &[("host", "evil.example")],
                false,
            ),
            (
                "a name that begins alike",
                "GET /",
                &[("host", "localhost.evil.example:4040")],
                false,
            ),
            (
                "a name that ends alike",
                "GET /",
                &[("host", "evil-localhost:4040")],
                false,
            ),
            (
                "another loopback address",
                "GET /",
                &[("host", "127.0.0.1.nip.io:4040")],
                false,
            ),
            (
                "a name in front of the port",
                "GET /",
                &[("host", "127.0.0.1:4040@evil.example")],
                false,
            ),
            ("no host", "GET /", &[], false),
            (
                "two hosts",
                "GET /",
                &[own, ("host", "evil.example")],
                false,
            ),
            (
                "through a tunnel",
                "GET /",
                &[own, ("x-forwarded-for", "192.0.2.1")],
                false,
            ),
            (
                "through a proxy",
                "GET /",
                &[own, ("forwarded", "for=192.0.2.1")],
                false,
            ),
            (
                "another origin",
                "GET /events",
                &[own, ("origin", "http://evil.example")],
                false,
            ),
            (
                "another port's origin",
                "GET /events",
                &[own, ("origin", "http://127.0.0.1:8080")],
                false,
            ),
            (
                "no origin to be told",
                "GET /events",
                &[own, ("origin", "null")],
                false,
            ),
            (
                "another site's script",
                "GET /page.js",
                &[own, ("sec-fetch-site", "cross-site")],
                false,
            ),
            (
                "another port's image",
                "GET /",
                &[own, ("sec-fetch-site", "same-site")],
                false,
            ),
            ("typed", "GET /", &[own, ("sec-fetch-site", "none")], true),
            (
                "a link",
                "GET /",
                &[
                    own,
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                ],
                true,
            ),
            (
                "a link to data",
                "GET /deliveries/1",
                &[
                    own,
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                ],
                false,
            ),
            (
                "its own script",
                "GET /events",
                &[own, ("sec-fetch-site", "same-origin")],
                true,
            ),
            ("a button", "POST /", &[own, same, token, json], true),
            ("without a token", "POST /", &[own, same, json], false),
            (
                "a wrong token",
                "POST /",
                &[own, same, json, ("x-webhook-token", "secreT")],
                false,
            ),
            (
                "a part of the token",
                "POST /",
                &[own, same, json, ("x-webhook-token", "secre")],
                false,
            ),
            (
                "two tokens",
                "POST /",
                &[own, same, json, token, token],
                false,
            ),
            (
                "a form",
                "POST /",
                &[own, same, token, ("content-type", "text/plain")],
                false,
            ),
            (
                "another origin's",
                "POST /",
                &[own, token, json, ("origin", "http://evil.example")],
                false,
            ),
            (
                "no origin to be told of",
                "POST /",
                &[own, token, json, ("origin", "null")],
                false,
            ),
            (
                "typed, but a change",
                "POST /",
                &[own, same, token, json, ("sec-fetch-site", "none")],
                false,
            ),
            ("another method", "DELETE /", &[own, same, json], false),
        ];
        let guard = Guard::new("secret".into());
        for (name, line, headers, is_let_in) in rows {
            let (method, path) = line.split_once(' ').expect("a method and a path");
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in *headers {
                request = request.header(*name, *value);
            }
            let request = request.body(()).expect("the row is a request");
            assert_eq!(guard.check(&request).is_ok(), *is_let_in, "{name}");
        }
    }
}
