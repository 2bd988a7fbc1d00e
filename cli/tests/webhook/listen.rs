//! `webhook listen` between real senders and a real application.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Stdio;

use bytes::Bytes;
use serde_json::{Value, json};
use tower_svix::test_util::Fixture;
use tower_svix_tests::net::{Delivery, SECRET};
use tower_svix_tests::process::Signal;

use crate::support::{Application, Listener, call, genuine_bytes, run, text, webhook, with_secret};

const BODY: &str = r#"{ "type": "job.completed",  "title": "caf\u00e9 “é” \/", "a": 1e2}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_genuine_delivery_reaches_the_application_byte_by_byte() {
    let application = Application::start().await;
    let listener = Listener::start(&["--forward", &application.url()]);
    let bodies = [
        ("JSON", Bytes::from(BODY)),
        ("not UTF-8", Bytes::from(&b"\xff\xfe\x00\r\n"[..])),
        ("empty", Bytes::new()),
        ("1 MiB", Bytes::from(vec![b'x'; 1024 * 1024])),
    ];
    for (name, body) in &bodies {
        let delivery = genuine_bytes(&format!("msg_{name}").replace(' ', "_"), body.clone());
        let more = [
            ("X-Of-The-Sender", "kept"),
            ("x-forwarded-for", "192.0.2.1"),
        ];
        let answer = listener.deliver_with(&delivery, &more);

        // The sender gets the application's response.
        assert_eq!(answer.status, 200, "{name}");
        assert!(
            answer.head.contains("x-from: application"),
            "{}",
            answer.head
        );
        assert_eq!(text(&answer.body), r#"{"stored": true, "job": 17}"#);

        let arrived = application.arrived().pop().unwrap();
        assert_eq!(arrived.body, body, "{name}");
        assert_eq!(arrived.method, "POST");
        assert_eq!(arrived.uri.to_string(), "/webhook?from=svix");
        assert_eq!(arrived.headers["x-of-the-sender"], "kept");
        assert_eq!(arrived.headers["x-forwarded-for"], "192.0.2.1");
        assert_eq!(arrived.headers["host"], application.address.to_string());
        for (header, value) in &delivery.headers() {
            assert_eq!(arrived.headers[header], value, "{name}");
        }
    }
    assert_eq!(application.arrived().len(), bodies.len());
    let line = listener.server.line("valid job.completed msg_JSON");
    assert!(line.contains("→ 200 in "), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_headers_keep_their_case() {
    // The application reads raw bytes, because an HTTP library would turn the names into lower case.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let application = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"{}") {
            let mut part = [0; 1024];
            let length = stream.read(&mut part).unwrap();
            request.extend_from_slice(&part[..length]);
        }
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .unwrap();
        text(&request)
    });
    let listener = Listener::start(&["--forward", &url]);
    let answer = listener.deliver_with(
        &Delivery::genuine("msg_1", "{}"),
        &[("X-Of-The-Sender", "1")],
    );
    assert_eq!(answer.status, 204);
    let request = application.join().unwrap();
    assert!(request.contains("\r\nX-Of-The-Sender: 1\r\n"), "{request}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_delivery_is_explained_and_goes_no_further() {
    let application = Application::start().await;
    let listener = Listener::start(&["--forward", &application.url()]);
    for (delivery, code) in [
        (Delivery::forged("msg_forged", BODY), "signature-mismatch"),
        (Delivery::aged("msg_old", BODY, 600), "timestamp-too-old"),
        (Delivery::aged("msg_new", BODY, -600), "timestamp-too-new"),
    ] {
        let answer = listener.deliver(&delivery);
        assert_eq!(answer.status, 401, "{code}");
        assert!(text(&answer.body).contains(code), "{code}");
        let line = listener.server.line("rejected job.completed ");
        assert!(line.contains(&delivery.id), "{line}");
        listener.server.line(code);
    }
    assert!(application.arrived().is_empty());

    let listener = Listener::start(&["--forward", &application.url(), "--forward-rejected"]);
    let answer = listener.deliver(&Delivery::forged("msg_forged", BODY));
    assert_eq!(answer.status, 200);
    assert_eq!(application.arrived().len(), 1);
    assert_eq!(listener.detail(1)["code"], "signature-mismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_usual_mistake_is_named() {
    let listener = Listener::start(&[]);
    // A proxy reformatted the JSON.
    let mut delivery = Delivery::genuine("msg_1", r#"{"a": 1, "b": [1, 2]}"#);
    delivery.body = r#"{"a":1,"b":[1,2]}"#.into();
    assert_eq!(listener.deliver(&delivery).status, 401);
    let detail = listener.detail(1);
    let findings = detail["explanation"]["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{detail}");
    let said = findings[0]["text"].as_str().unwrap();
    listener.server.line(said);
    assert!(findings[0]["advice"].as_str().unwrap().len() > 10);
}

#[test]
fn a_flood_of_forgeries_is_rejected_and_holds_up_no_genuine_delivery() {
    let listener = Listener::start(&[]);
    let url = listener.server.url("/");
    let mut flood = with_secret();
    flood.args([
        "send",
        "--url",
        &url,
        "--tamper",
        "--count",
        "400",
        "--concurrency",
        "64",
    ]);
    let flood = flood.stdout(Stdio::piped()).spawn().unwrap();
    for number in 0..5 {
        let delivery = Delivery::genuine(&format!("msg_{number}"), "{}");
        assert_eq!(listener.deliver(&delivery).status, 200, "{number}");
    }
    let flood = flood.wait_with_output().unwrap();
    let report = text(&flood.stdout);
    assert!(report.contains("400 401 Unauthorized"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_marked() {
    let listener = Listener::start(&[]);
    for (id, body) in [
        ("msg_1", "{}"),
        ("msg_2", "{}"),
        ("msg_1", "{}"),
        ("msg_1", "[]"),
    ] {
        assert_eq!(listener.deliver(&Delivery::genuine(id, body)).status, 200);
    }
    listener.deliver(&Delivery::forged("msg_1", "{}"));
    let marks = [1, 2, 3, 4, 5].map(|number| {
        let detail = listener.detail(number);
        (
            detail["duplicate_of"].as_u64(),
            detail["differs"].as_bool().unwrap(),
        )
    });
    assert_eq!(
        marks,
        [
            (None, false),
            (None, false),
            (Some(1), false),
            (Some(1), true),
            (None, false)
        ]
    );
    listener.server.line("duplicate of #1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_fails_or_is_away_is_shown_to_the_sender() {
    let application = Application::start().await;
    let listener = Listener::start(&["--forward", &application.url()]);
    let answer = listener.deliver(&Delivery::genuine("msg_1", "please fail"));
    assert_eq!((answer.status, &*text(&answer.body)), (500, "it failed"));
    assert_eq!(listener.detail(1)["status"], 500);

    // Port 1 is reserved, and nothing listens there.
    let listener = Listener::start(&["--forward", "http://127.0.0.1:1/"]);
    let answer = listener.deliver(&Delivery::genuine("msg_1", "{}"));
    assert_eq!(answer.status, 502);
    let detail = listener.detail(1);
    assert_eq!(detail["valid"], true);
    assert!(detail["error"].is_string(), "{detail}");
    listener.server.line("no answer: ");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_delivery_is_turned_away() {
    let listener = Listener::start(&["--body-limit", "100"]);
    let answer = listener.deliver(&Delivery::genuine("msg_1", vec![b'x'; 101]));
    assert_eq!(answer.status, 413);
    let host = ("host".to_owned(), "localhost".to_owned());
    let answer = call(listener.server.address, "GET /", &[host], b"");
    assert_eq!(answer.status, 405);
    // The address for senders does not serve the page.
    assert!(!text(&answer.body).contains("<html"));
    assert_eq!(
        listener
            .deliver(&Delivery::genuine("msg_2", vec![b'x'; 100]))
            .status,
        200
    );
    assert_eq!(listener.detail(1)["id"], "msg_2");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_sends_again_what_it_is_asked_to() {
    let application = Application::start().await;
    let listener = Listener::start(&["--forward", &application.url()]);
    let stale = Delivery::aged("msg_1", BODY, 600);
    listener.deliver(&stale);

    // Unchanged: the application gets the old signature.
    let answer = listener.send(1, &json!({"how": "as_it_is"}));
    assert_eq!(
        (answer.status, &*text(&answer.body)),
        (200, r#"{"number":2}"#)
    );
    let arrived = application.arrived().pop().unwrap();
    assert_eq!(arrived.body, BODY);
    assert_eq!(
        arrived.headers["webhook-timestamp"],
        text(stale.timestamp())
    );
    assert_eq!(listener.detail(2)["code"], "timestamp-too-old");
    assert_eq!(listener.detail(2)["origin"], json!({"again": 1}));

    // Signed now: the official package accepts it.
    assert_eq!(listener.send(1, &json!({"how": "signed_anew"})).status, 200);
    let arrived = application.arrived().pop().unwrap();
    assert_eq!(arrived.body, BODY);
    assert_eq!(arrived.headers["webhook-id"], "msg_1");
    let webhook = standardwebhooks::Webhook::new(SECRET).unwrap();
    webhook.verify(&arrived.body, &arrived.headers).unwrap();
    assert_eq!(listener.detail(3)["valid"], true);

    let edited = json!({"how": "edited", "id": "msg_new", "body": "{\"edited\": \"é\"}"});
    assert_eq!(listener.send(1, &edited).status, 200);
    let arrived = application.arrived().pop().unwrap();
    assert_eq!(arrived.body, "{\"edited\": \"é\"}");
    assert_eq!(arrived.headers["webhook-id"], "msg_new");
    webhook.verify(&arrived.body, &arrived.headers).unwrap();

    for (name, number, order, status) in [
        (
            "an id that cannot be signed",
            1,
            json!({"how": "edited", "id": "a.b", "body": ""}),
            422,
        ),
        ("an unknown order", 1, json!({"how": "delete"}), 400),
        (
            "more than an order",
            1,
            json!({"how": "as_it_is", "url": "http://example.com"}),
            400,
        ),
        ("no such delivery", 99, json!({"how": "as_it_is"}), 404),
    ] {
        assert_eq!(listener.send(number, &order).status, status, "{name}");
    }
    assert_eq!(application.arrived().len(), 3);
}

#[cfg(feature = "ed25519")]
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_only_verify_do_not_sign() {
    let (_, keys, _) = run(webhook().args(["secret", "--key-pair"]));
    let mut keys = keys.lines();
    let (private, public) = (keys.next().unwrap(), keys.next().unwrap());
    let listener = Listener::start_with(webhook().env("WEBHOOK_SECRET", public), &[]);
    let url = listener.server.url("/");
    let mut send = webhook();
    send.args(["send", "--url", &url])
        .env("WEBHOOK_SECRET", private);
    assert_eq!(run(&mut send).0, 0);
    assert_eq!(listener.send(1, &json!({"how": "signed_anew"})).status, 422);
    assert_eq!(listener.send(1, &json!({"how": "as_it_is"})).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_fixture_is_the_delivery_to_tests_and_to_the_other_commands() {
    let listener = Listener::start(&[]);
    let delivery = Delivery::genuine("msg_1", BODY);
    listener.deliver(&delivery);
    let answer = listener.get("/deliveries/1/fixture");
    assert!(
        answer.head.contains("attachment; filename=\"msg_1.http\""),
        "{}",
        answer.head
    );

    let fixture = Fixture::parse(&answer.body).unwrap();
    assert_eq!(
        fixture.unix_seconds().to_string(),
        text(delivery.timestamp())
    );
    let request = fixture.request();
    assert_eq!(request.uri(), "/hooks?from=svix");
    for (name, value) in &delivery.headers() {
        assert_eq!(request.headers()[name], value);
    }
    assert_eq!(request.into_body().into_bytes(), BODY);

    let file = crate::support::folder("fixture").join("msg_1.http");
    std::fs::write(&file, &answer.body).unwrap();
    assert_eq!(run(with_secret().arg("verify").arg(file)).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_curl_command_sends_the_same_request() {
    let listener = Listener::start(&[]);
    let file = crate::support::folder("curl").join("command");
    for (number, body) in (1..).zip([
        &b"{\"it's\": \"$(touch /tmp/x) `y` \\\\ \xc3\xa9\"}\n"[..],
        b"",
        b"\xff\x00\x1b[201~\r\n",
    ]) {
        let delivery = genuine_bytes(&format!("msg_{number}"), body);
        listener.deliver_with(&delivery, &[("x-quote", "a'; b; 'c")]);
        let command = text(&listener.get(&format!("/deliveries/{number}/curl")).body);
        assert!(
            command.contains(r"-H 'x-quote: a'\''; b; '\''c'"),
            "{number}: {command}"
        );
        if number < 3 {
            // `webhook verify` reads the command and finds the delivery valid.
            std::fs::write(&file, command).unwrap();
            let (code, stdout, stderr) = run(with_secret().arg("verify").arg(&file));
            assert_eq!(code, 0, "{number}: {stdout}{stderr}");
        } else {
            // The command has the body as base64, so that no control character reaches a terminal.
            assert!(
                command.starts_with("printf %s '/wAbWzIwMX4NCg==' | base64 -d | curl "),
                "{command}"
            );
        }
    }
}

#[test]
fn without_a_secret_one_is_made_and_the_printed_command_delivers() {
    let listener = Listener::start_with(&mut webhook(), &[]);
    let command = listener.server.line("send --url http://");
    let args = command
        .split_whitespace()
        .skip_while(|word| *word != "send");
    let (code, stdout, stderr) = run(webhook().args(args));
    assert_eq!((code, &*stdout), (0, "200 OK\nreceived\n"), "{stderr}");
    listener.server.line("valid job.completed msg_");
}

#[test]
fn json_is_one_document_at_the_start_and_one_for_each_delivery() {
    let mut listen = with_secret();
    listen.args(["listen", "--json", "--address", "127.0.0.1:0", "--no-page"]);
    let mut listen = listen.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(listen.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let start = next();
    let url = start["listening"].as_str().unwrap();
    assert_eq!(
        (&start["page"], &start["secret"]),
        (&Value::Null, &Value::Null)
    );

    let mut send = with_secret();
    send.args(["send", "--url", url, "--type", "a\nb", "--id", "msg_1"]);
    assert_eq!(run(&mut send).0, 0);
    let delivery = next();
    assert_eq!(
        (&delivery["valid"], &delivery["type"]),
        (&json!(true), &json!("a\nb"))
    );
    assert_eq!(run(send.arg("--tamper")).0, 1);
    assert_eq!(next()["code"], "signature-mismatch");
    listen.kill().unwrap();
    listen.wait().unwrap();
}

#[test]
fn a_delivery_cannot_write_to_the_terminal_what_it_likes() {
    let listener = Listener::start(&[]);
    let body = r#"{"type": "a\u001b[2J\n00:00:00 #9 valid forged line\u202e"}"#;
    listener.deliver(&Delivery::genuine("msg_1", body));
    let line = listener.server.line("msg_1");
    assert!(line.contains(r"a\u{1b}[2J\n00:00:00"), "{line}");
    assert!(line.contains(r"\u{202e}"), "{line}");
}

#[cfg(unix)]
#[test]
fn a_signal_stops_it_though_a_page_is_open() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut listener = Listener::start(&[]);
        let mut page = std::net::TcpStream::connect(listener.page).unwrap();
        write!(page, "GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        page.read_exact(&mut [0; 12]).unwrap();
        listener.server.signal(signal);
        let status = listener.server.wait(std::time::Duration::from_secs(30));
        assert_eq!(
            status.and_then(|status| status.code()),
            Some(0),
            "{signal:?}"
        );
    }
}
