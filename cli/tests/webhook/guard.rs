//! Protection of the page from other sites, tunnels and hostile deliveries.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};
use tower_svix_tests::net::{Delivery, TIMEOUT};

use crate::support::{Application, Listener, call, text};

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
    pairs.iter().map(pair).collect()
}

#[allow(clippy::too_many_lines, reason = "most of it is a table")]
#[tokio::test(flavor = "multi_thread")]
async fn another_site_can_neither_read_nor_press_anything() {
    let application = Application::start().await;
    let listener = Listener::start(&["--forward", &application.url()]);
    listener.deliver(&Delivery::genuine("msg_1", "{}"));
    let own = listener.page.to_string();
    let origin = format!("http://{own}");
    let token = listener.token();
    let order = json!({"how": "as_it_is"}).to_string();
    let (get, post) = ("GET /deliveries/1", "POST /deliveries/1/send");
    let json = ("content-type", "application/json");
    let mine = ("x-webhook-token", &*token);
    for (name, line, pairs) in [
        (
            "a name made to point here",
            get,
            &[("host", "evil.example:4040")][..],
        ),
        (
            "the stream by that name",
            "GET /events",
            &[("host", "evil.example:4040")],
        ),
        (
            "the page by that name",
            "GET /",
            &[("host", "evil.example:4040")],
        ),
        ("a tunnel", get, &[("host", "abc.ngrok.app")]),
        (
            "a tunnel that replaces the host",
            get,
            &[("host", &own), ("x-forwarded-for", "192.0.2.1")],
        ),
        (
            "a script of another site",
            get,
            &[("host", &own), ("origin", "https://evil.example")],
        ),
        (
            "a script of another port",
            get,
            &[("host", &own), ("origin", "http://127.0.0.1:1")],
        ),
        (
            "an image",
            get,
            &[("host", &own), ("sec-fetch-site", "cross-site")],
        ),
        (
            "a form",
            post,
            &[
                ("host", &own),
                ("origin", "https://evil.example"),
                ("content-type", "text/plain"),
            ],
        ),
        (
            "a form that names no origin",
            post,
            &[("host", &own), ("origin", "null"), json, mine],
        ),
        (
            "no token",
            post,
            &[("host", &own), ("origin", &origin), json],
        ),
        (
            "a wrong token",
            post,
            &[
                ("host", &own),
                ("origin", &origin),
                json,
                ("x-webhook-token", "msg_0"),
            ],
        ),
        (
            "a token, but of another site",
            post,
            &[
                ("host", &own),
                ("origin", "https://evil.example"),
                json,
                mine,
            ],
        ),
        (
            "a token, but by another name",
            post,
            &[
                ("host", "evil.example"),
                ("origin", "http://evil.example"),
                json,
                mine,
            ],
        ),
        (
            "asking first",
            "OPTIONS /deliveries/1/send",
            &[("host", &own), ("origin", "https://evil.example")],
        ),
    ] {
        let answer = call(listener.page, line, &headers(pairs), order.as_bytes());
        assert_eq!(answer.status, 403, "{name}: {}", answer.head);
        assert!(
            !answer.head.to_lowercase().contains("access-control-allow"),
            "{name}"
        );
        assert!(!text(&answer.body).contains("msg_1"), "{name}");
        assert!(!text(&answer.body).contains(&token), "{name}");
    }
    assert_eq!(
        application.arrived().len(),
        1,
        "nothing was sent but by the sender"
    );
    assert_eq!(listener.send(1, &json!({"how": "as_it_is"})).status, 200);
    assert_eq!(application.arrived().len(), 2);
}

#[test]
fn the_page_is_on_loopback_alone_and_says_what_protects_it() {
    let listener = Listener::start(&[]);
    assert!(listener.page.ip().is_loopback());
    for path in ["/", "/page.js", "/page.css", "/nothing"] {
        let head = listener.get(path).head.to_lowercase();
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self';",
            "require-trusted-types-for 'script'",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(head.contains(header), "{path}, {header}: {head}");
        }
    }
    // The content security policy forbids inline scripts, and the markup contains none.
    let html = text(&listener.get("/").body);
    assert_eq!(html.matches("<script").count(), 1, "{html}");
    for inline in [" onclick", " onload", " style=", "<style", "javascript:"] {
        assert!(!html.contains(inline), "{inline}");
    }
    let script = text(&listener.get("/page.js").body);
    for sink in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "DOMParser",
        "setHTML",
    ] {
        assert!(!script.contains(sink), "{sink}");
    }
}

/// Returns the data of the next event of this name on the stream.
fn next_event(lines: &mut impl Iterator<Item = String>, name: &str) -> Value {
    let wanted = format!("event: {name}");
    lines.find(|line| *line == wanted).unwrap();
    let data = lines.next().unwrap();
    serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap()
}

#[test]
fn no_delivery_breaks_out_of_the_stream_of_events() {
    let listener = Listener::start(&[]);
    let mut stream = TcpStream::connect(listener.page).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    write!(
        stream,
        "GET /events HTTP/1.1\r\nhost: {}\r\n\r\n",
        listener.page
    )
    .unwrap();
    let mut lines = BufReader::new(stream).lines().map(|line| line.unwrap());
    assert_eq!(next_event(&mut lines, "all")["deliveries"], json!([]));

    let event_type = "a\n\nevent: all\ndata: {}\n\n</script><b>\u{2028}";
    let body = json!({"type": event_type}).to_string();
    listener.deliver(&Delivery::genuine("msg_1", body));
    for waiting in [true, false] {
        let event = next_event(&mut lines, "delivery");
        assert_eq!(event["delivery"]["type"], event_type);
        assert_eq!(event["delivery"]["waiting"], waiting);
    }
}

#[test]
fn headers_and_names_of_files_come_out_as_they_are() {
    let listener = Listener::start(&[]);
    let mut delivery = Delivery::genuine("msg_1", "{}");
    delivery.set("webhook-id", "\"><script>alert(1)</script>/../x");
    listener.deliver_with(
        &delivery,
        &[("x-hostile", "</dd><img src=x onerror=alert(1)>é")],
    );
    let detail = listener.detail(1);
    let headers = detail["headers"].as_array().unwrap();
    let hostile = json!(["x-hostile", "</dd><img src=x onerror=alert(1)>é"]);
    assert!(headers.contains(&hostile), "{headers:?}");
    let head = listener.get("/deliveries/1/fixture").head;
    assert!(
        head.contains("filename=\"scriptalert1scriptx.http\""),
        "{head}"
    );
    assert!(
        listener
            .get("/deliveries/1")
            .head
            .contains("content-type: application/json")
    );
}
