//! `webhook send`. The tests of the example servers cover the rest.

use serde_json::Value;
use tower_svix_tests::net::SECRET;

use crate::support::{Listener, run, text, webhook, with_secret};

/// Port 1 is reserved, and nothing listens there.
const NOBODY: &str = "http://127.0.0.1:1/";

#[test]
fn the_exit_code_tells_how_it_ended() {
    let listener = Listener::start(&[]);
    let url = listener.server.url("/");
    for (name, args, code) in [
        ("accepted", &["--url", &url][..], 0),
        ("rejected", &["--url", &url, "--tamper"], 1),
        ("many, accepted", &["--url", &url, "--count", "3"], 0),
        (
            "many, rejected",
            &["--url", &url, "--count", "3", "--tamper"],
            1,
        ),
        ("nobody", &["--url", NOBODY], 2),
        ("many, to nobody", &["--url", NOBODY, "--count", "3"], 1),
        ("no address", &["--url", "nonsense"], 2),
        ("TLS", &["--url", "https://localhost/"], 2),
        (
            "an id that cannot be signed",
            &["--url", &url, "--id", "a.b"],
            2,
        ),
        (
            "a time before 1970",
            &["--url", &url, "--age", "9999999999"],
            2,
        ),
        (
            "a file that is not there",
            &["--url", &url, "--body", "/nowhere"],
            2,
        ),
        ("an unknown option", &["--nonsense"], 2),
    ] {
        let (found, stdout, stderr) = run(with_secret().arg("send").args(args));
        assert_eq!(found, code, "{name}: {stdout}{stderr}");
        assert_eq!(stderr.contains("error: "), code == 2, "{name}: {stderr}");
    }
}

#[test]
fn the_secret_comes_from_a_file_or_the_environment() {
    let listener = Listener::start(&[]);
    let url = listener.server.url("/");
    let folder = crate::support::folder("secret_file");
    let file = folder.join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let file = file.to_str().unwrap();
    let other = concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

    for (name, variable, args, code) in [
        ("the variable", Some(SECRET), &[][..], 0),
        ("a file", None, &["--secret-file", file], 0),
        (
            "a file, whatever the variable",
            Some(other),
            &["--secret-file", file],
            0,
        ),
        (
            "an argument, whatever the variable",
            Some(other),
            &["--secret", SECRET],
            0,
        ),
        ("another secret", Some(other), &[], 1),
        ("none", None, &[], 2),
        ("two", None, &["--secret", SECRET, "--secret-file", file], 2),
        ("no such file", None, &["--secret-file", "/nowhere"], 2),
    ] {
        let mut command = webhook();
        command.args(["send", "--url", &url]).args(args);
        if let Some(variable) = variable {
            command.env("WEBHOOK_SECRET", variable);
        }
        let (found, stdout, stderr) = run(&mut command);
        assert_eq!(found, code, "{name}: {stdout}{stderr}");
    }
}

#[test]
fn a_bad_secret_is_an_error_that_does_not_repeat_it() {
    for (name, secret) in [
        ("not base64", "whsec_not/base64!"),
        (
            "a public key",
            concat!("whpk_", "Qj5ixMlxAHKF1nJBix6tPlLtm/oQax1jCaOl+8Jgygk="),
        ),
        (
            "second of two",
            concat!("whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD whsec_%%%"),
        ),
    ] {
        let mut command = webhook();
        command
            .args(["send", "--url", NOBODY])
            .env("WEBHOOK_SECRET", secret);
        let (code, stdout, stderr) = run(&mut command);
        assert_eq!(code, 2, "{name}");
        assert!(stderr.contains("WEBHOOK_SECRET"), "{name}: {stderr}");
        for part in secret.split_whitespace() {
            let (_, key) = part.split_once('_').unwrap();
            assert!(!stderr.contains(key), "{name}: {stderr}");
            assert!(!stdout.contains(key), "{name}: {stdout}");
        }
    }
}

#[test]
fn json_says_the_same() {
    let listener = Listener::start(&[]);
    let url = listener.server.url("/");
    let json = |args: &[&str]| -> Value {
        let mut command = with_secret();
        command.args(["send", "--json", "--url", &url]).args(args);
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(json(&[])["status"], 200);
    let rejected = json(&["--tamper"]);
    assert_eq!(rejected["status"], 401);
    assert!(
        rejected["body"]
            .as_str()
            .unwrap()
            .contains("signature-mismatch")
    );

    let measured = json(&["--count", "20", "--concurrency", "4"]);
    assert_eq!(measured["deliveries"], 20);
    assert_eq!(measured["outcomes"]["200 OK"], 20);
    let latency = |name: &str| measured["latency"][name].as_f64().unwrap();
    assert!(latency("p50") <= latency("p99") && latency("p99") <= latency("max"));
}

#[test]
fn a_delivery_has_the_headers_of_the_family_that_is_asked_for() {
    for (family, prefix) in [
        ("svix", "svix-"),
        ("webhook", "webhook-"),
        ("x-sent-", "x-sent-"),
    ] {
        let listener = Listener::start(&["--family", family]);
        let url = listener.server.url("/");
        let mut command = with_secret();
        command.args(["send", "--url", &url, "--family", family]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let detail = listener.detail(1);
        let headers = detail["headers"].as_array().unwrap();
        let has = |name: String| headers.iter().any(|header| header[0] == name);
        assert!(has(format!("{prefix}signature")), "{family}: {headers:?}");
        assert_eq!(detail["valid"], true, "{family}");
        assert!(detail["id"].is_string(), "{family}");
        // A delivery that is signed again keeps the names of its headers.
        let order = serde_json::json!({"how": "signed_anew"});
        assert_eq!(listener.send(1, &order).status, 200, "{family}");
        assert_eq!(listener.detail(2)["valid"], true, "{family}");
    }
}
