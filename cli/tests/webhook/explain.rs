//! `webhook explain`, with each kind of file and its explanation.

use std::fmt::Write as _;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tower_svix_tests::net::Delivery;

use crate::commands::raw;
use crate::support::{folder, run, text, with_secret};

/// A body that changes if its JSON is reformatted, or if a shell interprets it.
const BODY: &str = r#"{ "type": "job.completed", "it's": "\u00e9 $(x) `y`", "n": 1e2 }"#;

fn pairs(delivery: &Delivery) -> Vec<(String, String)> {
    let headers = delivery.headers();
    let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    headers.iter().map(pair).collect()
}

fn har(delivery: &Delivery, post_data: &Value) -> Value {
    let headers: Vec<_> = pairs(delivery)
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    json!({"request": {"method": "POST", "headers": headers, "postData": post_data}})
}

fn log(entries: &[Value]) -> Vec<u8> {
    json!({"log": {"version": "1.2", "entries": entries}})
        .to_string()
        .into_bytes()
}

fn curl_command(delivery: &Delivery) -> String {
    let mut command = "curl 'http://localhost/'".to_owned();
    for (name, value) in pairs(delivery) {
        let _ = write!(command, " \\\n  -H '{name}: {value}'");
    }
    let body = BODY.replace('\'', r"'\''");
    format!("{command} \\\n  --data-raw '{body}'")
}

#[test]
fn each_form_of_a_saved_request_is_read_byte_by_byte() {
    let folder = folder("forms");
    let delivery = Delivery::genuine("msg_1", BODY);
    let text_of = json!({"mimeType": "application/json", "text": BODY});
    let base64 = json!({"encoding": "base64", "text": STANDARD.encode(BODY)});
    let page = json!({"request": {"method": "GET", "headers": []}});
    let file = raw(&delivery);
    let bom = [b"\xef\xbb\xbf", &log(&[har(&delivery, &text_of)])[..]].concat();
    for (name, file) in [
        ("raw HTTP", file.clone()),
        (
            "raw HTTP, with newlines alone",
            text(&file).replace('\r', "").into_bytes(),
        ),
        (
            "no first line",
            text(&file).split_once("\r\n").unwrap().1.into(),
        ),
        (
            "curl --include",
            [b"HTTP/1.1 200 OK\r\n", &file[24..]].concat(),
        ),
        ("HAR", log(&[har(&delivery, &text_of)])),
        ("HAR with base64", log(&[har(&delivery, &base64)])),
        (
            "HAR among others",
            log(&[page.clone(), har(&delivery, &text_of), page]),
        ),
        ("HAR with a byte order mark", bom),
        ("a curl command", curl_command(&delivery).into_bytes()),
    ] {
        let path = folder.join("request");
        fs::write(&path, file).unwrap();
        let (code, stdout, stderr) = run(with_secret().arg("explain").arg(path));
        assert_eq!(code, 0, "{name}: {stdout}{stderr}");
    }
}

#[test]
fn what_curl_sent_is_read_from_its_verbose_output() {
    let folder = folder("verbose");
    let delivery = Delivery::genuine("msg_1", BODY);
    let mut log = "*   Trying 127.0.0.1:3000...\n> POST /webhook HTTP/1.1\r\n> Host: localhost\r\n"
        .to_owned();
    for (name, value) in pairs(&delivery) {
        let _ = write!(log, "> {name}: {value}\r\n");
    }
    log += ">\r\n* upload completely sent off\n< HTTP/1.1 401 Unauthorized\r\n< content-length: 0\r\n<\r\n";
    let (file, body) = (folder.join("log"), folder.join("body"));
    fs::write(&file, log).unwrap();
    fs::write(&body, BODY).unwrap();
    let mut command = with_secret();
    command.arg("explain").arg(file).arg("--body").arg(body);
    let (code, stdout, stderr) = run(&mut command);
    assert_eq!(code, 0, "{stdout}{stderr}");
}

#[test]
fn one_of_several_requests_of_a_har_file_is_chosen() {
    let folder = folder("har");
    let genuine = Delivery::genuine("msg_1", BODY);
    let forged = Delivery::forged("msg_2", BODY);
    let data = json!({"text": BODY});
    let file = folder.join("log.har");
    fs::write(&file, log(&[har(&forged, &data), har(&genuine, &data)])).unwrap();
    for (entry, code) in [
        (Some("1"), 1),
        (Some("2"), 0),
        (Some("0"), 2),
        (Some("3"), 2),
        (None, 2),
    ] {
        let mut command = with_secret();
        command.arg("explain").arg(&file);
        if let Some(entry) = entry {
            command.args(["--entry", entry]);
        }
        let (found, stdout, stderr) = run(&mut command);
        assert_eq!(found, code, "{entry:?}: {stdout}{stderr}");
    }
}

#[test]
fn a_file_that_is_no_request_is_an_error() {
    let folder = folder("no_request");
    for (name, file) in [
        ("nothing", &b""[..]),
        ("prose", b"what is this"),
        ("JSON", b"{\"a\": 1}"),
        ("broken JSON", b"{\"log\": "),
        ("bytes", b"\xff\xfe\x00\x01"),
        ("an open quote", b"curl 'http://localhost"),
    ] {
        let path = folder.join("request");
        fs::write(&path, file).unwrap();
        let (code, stdout, stderr) = run(with_secret().arg("explain").arg(path));
        assert_eq!(code, 2, "{name}: {stdout}");
        assert!(stderr.starts_with("error: "), "{name}: {stderr}");
    }
}

#[test]
fn an_old_request_is_judged_as_of_its_own_time_too() {
    let folder = folder("old");
    for (name, delivery, says) in [
        (
            "genuine once",
            Delivery::aged("msg_1", BODY, 90_000),
            "its age is all that is wrong",
        ),
        (
            "another body",
            {
                let mut delivery = Delivery::aged("msg_1", BODY, 90_000);
                delivery.body = "{}".into();
                delivery
            },
            "signature-mismatch",
        ),
    ] {
        let path = folder.join("request");
        fs::write(&path, raw(&delivery)).unwrap();
        let (code, stdout, _) = run(with_secret().arg("explain").arg(path));
        assert_eq!(code, 1, "{name}");
        assert!(stdout.contains("timestamp-too-old"), "{name}: {stdout}");
        assert!(stdout.contains(says), "{name}: {stdout}");
    }
}
